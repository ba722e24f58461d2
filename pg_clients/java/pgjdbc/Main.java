import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.postgresql.PGConnection;
import org.postgresql.PGStatement;

/** pgjdbc: what every program here does; see ../../README.md. */
public final class Main {
  private interface Check {
    String find() throws Exception;
  }

  private final Connection connection;
  private boolean failed;

  private Main(Connection connection) {
    this.connection = connection;
  }

  public static void main(String[] arguments) throws SQLException {
    Connection connection;
    try {
      connection = connect();
    } catch (SQLException error) {
      tell("connect", "error", words(error));
      System.exit(1);
      return;
    }
    Main program = new Main(connection);
    program.run();
    connection.close();
    System.exit(program.failed ? 1 : 0);
  }

  private static Connection connect() throws SQLException {
    var environment = System.getenv();
    String address = "jdbc:postgresql://%s:%s/%s".formatted(
        environment.get("NEON_HOST"), environment.getOrDefault("NEON_PORT", "5432"), environment.get("NEON_DATABASE"));
    Properties settings = new Properties();
    settings.setProperty("user", environment.get("NEON_USER"));
    settings.setProperty("password", environment.get("NEON_PASSWORD"));
    settings.setProperty("sslmode", "verify-full");
    settings.setProperty("connectTimeout", "15");
    // Without a file: the authorities that Java brings.
    String authority = environment.get("NEON_CA");
    if (authority != null) settings.setProperty("sslrootcert", authority);
    else settings.setProperty("sslfactory", "org.postgresql.ssl.DefaultJavaSSLFactory");
    return DriverManager.getConnection(address, settings);
  }

  private void run() {
    check("connect", () -> value("select current_user"));
    check("select", () -> value("select 1"));
    check("parameters", this::parameters);
    check("prepared", this::prepared);
    check("rollback", this::rollback);
    check("sqlstate", () -> refusal(() -> value("select 1 / 0")));
    check("rows", this::rows);
    check("copy", this::copy);
    check("cancel", this::cancel);
  }

  private String value(String query) throws SQLException {
    try (Statement statement = connection.createStatement(); ResultSet found = statement.executeQuery(query)) {
      found.next();
      return found.getString(1);
    }
  }

  private String parameters() throws SQLException {
    try (var statement = connection.prepareStatement("select ?::int + length(?::text)")) {
      statement.setInt(1, 38);
      statement.setString(2, "žába");
      try (ResultSet found = statement.executeQuery()) {
        found.next();
        return found.getString(1);
      }
    }
  }

  private String prepared() throws SQLException {
    List<String> results = new ArrayList<>();
    try (var statement = connection.prepareStatement("select ?::int * 10")) {
      // On the server from the first time on; its default is the fifth.
      statement.unwrap(PGStatement.class).setPrepareThreshold(1);
      for (int factor = 1; factor <= 3; factor++) {
        statement.setInt(1, factor);
        try (ResultSet found = statement.executeQuery()) {
          found.next();
          results.add(found.getString(1));
        }
      }
    }
    return String.join(" ", results);
  }

  private String rollback() throws SQLException {
    String count = "select count(*) from numbers";
    try (Statement statement = connection.createStatement()) {
      statement.execute("create temp table numbers (i int primary key)");
      connection.setAutoCommit(false);
      statement.execute("insert into numbers values (1)");
      String within = value(count);
      connection.rollback();
      connection.setAutoCommit(true);
      return within + " " + value(count);
    }
  }

  private String rows() throws SQLException {
    List<Integer> numbers = new ArrayList<>();
    try (Statement statement = connection.createStatement();
        ResultSet found = statement.executeQuery("select generate_series(1, 1000)")) {
      while (found.next()) numbers.add(found.getInt(1));
    }
    return total(numbers);
  }

  private String copy() throws Exception {
    var manager = connection.unwrap(PGConnection.class).getCopyAPI();
    String lines = IntStream.rangeClosed(1, 1000).mapToObj(i -> i + "\n").collect(Collectors.joining());
    manager.copyIn("copy numbers from stdin", new StringReader(lines));
    var copied = new ByteArrayOutputStream();
    manager.copyOut("copy numbers to stdout", copied);
    return total(copied.toString(StandardCharsets.UTF_8).lines().map(Integer::valueOf).toList());
  }

  /** The driver's own request, again and again until the server has begun what is to be cancelled. */
  private String cancel() throws Exception {
    try (Statement statement = connection.createStatement()) {
      var over = new CountDownLatch(1);
      var thread = new Thread(() -> cancelUntil(statement, over));
      thread.start();
      try {
        return refusal(() -> statement.execute("select pg_sleep(30)"));
      } finally {
        over.countDown();
        thread.join();
      }
    }
  }

  private static void cancelUntil(Statement statement, CountDownLatch over) {
    try {
      while (!over.await(100, TimeUnit.MILLISECONDS)) statement.cancel();
    } catch (SQLException | InterruptedException error) {
      // The query that is under way tells what has happened to the server.
      System.err.println("the request to cancel: " + words(error));
    }
  }

  private interface Work {
    void run() throws SQLException;
  }

  /** The SQLSTATE with which the server refuses. */
  private static String refusal(Work work) throws SQLException {
    try {
      work.run();
    } catch (SQLException error) {
      // What the driver says of itself is no answer of the server.
      if (error instanceof org.postgresql.util.PSQLException own && own.getServerErrorMessage() != null) {
        return error.getSQLState();
      }
      throw error;
    }
    return "no error";
  }

  private static String total(List<Integer> numbers) {
    return numbers.size() + " " + numbers.stream().mapToInt(Integer::intValue).sum();
  }

  private void check(String name, Check check) {
    try {
      tell(name, "value", check.find());
    } catch (Exception error) {
      failed = true;
      tell(name, "error", words(error));
    }
  }

  private static void tell(String check, String kind, String text) {
    System.out.println(check + "\t" + kind + "\t" + text.replaceAll("\\s+", " "));
  }

  /** The messages of an error and of its causes. */
  private static String words(Throwable error) {
    String state = error instanceof SQLException refused ? " " + refused.getSQLState() : "";
    String own = error.getClass().getSimpleName() + state + " " + error.getMessage();
    return error.getCause() == null ? own : own + ": " + words(error.getCause());
  }
}
