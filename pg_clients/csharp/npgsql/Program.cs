// Npgsql: what every program here does; see ../../README.md.

using System.Text.RegularExpressions;
using Npgsql;

var failed = false;
NpgsqlConnection connection;
try
{
    connection = await Connect();
}
catch (Exception error)
{
    Tell("connect", "error", Words(error));
    return 1;
}

await using (connection)
{
    await Check("connect", () => Value("select current_user::text"));
    await Check("select", () => Value("select 1"));
    await Check("parameters", () => Value("select $1::int + length($2::text)", 38, "žába"));
    await Check("prepared", Prepared);
    await Check("rollback", Rollback);
    await Check("sqlstate", () => Refusal(() => Value("select 1 / 0")));
    await Check("rows", async () => Total(await Column("select generate_series(1, 1000)")));
    await Check("copy", Copy);
    await Check("cancel", Cancel);
}
return failed ? 1 : 0;

static async Task<NpgsqlConnection> Connect()
{
    var settings = new NpgsqlConnectionStringBuilder
    {
        Host = Environment.GetEnvironmentVariable("NEON_HOST"),
        Port = int.Parse(Environment.GetEnvironmentVariable("NEON_PORT") ?? "5432"),
        Database = Environment.GetEnvironmentVariable("NEON_DATABASE"),
        Username = Environment.GetEnvironmentVariable("NEON_USER"),
        Password = Environment.GetEnvironmentVariable("NEON_PASSWORD"),
        // Without a file it trusts the system's authorities.
        SslMode = SslMode.VerifyFull,
        RootCertificate = Environment.GetEnvironmentVariable("NEON_CA"),
        Timeout = 15,
        Pooling = false,
    };
    var opened = new NpgsqlConnection(settings.ConnectionString);
    await opened.OpenAsync();
    return opened;
}

NpgsqlCommand Command(string query, params object[] parameters)
{
    var command = new NpgsqlCommand(query, connection);
    foreach (var value in parameters) command.Parameters.Add(new NpgsqlParameter { Value = value });
    return command;
}

async Task<string> Value(string query, params object[] parameters)
{
    await using var command = Command(query, parameters);
    return $"{await command.ExecuteScalarAsync()}";
}

async Task<List<int>> Column(string query)
{
    await using var command = Command(query);
    await using var reader = await command.ExecuteReaderAsync();
    var numbers = new List<int>();
    while (await reader.ReadAsync()) numbers.Add(reader.GetInt32(0));
    return numbers;
}

async Task<string> Prepared()
{
    await using var command = Command("select $1 * 10", 0);
    await command.PrepareAsync();
    var results = new List<string>();
    foreach (var factor in new[] { 1, 2, 3 })
    {
        command.Parameters[0].Value = factor;
        results.Add($"{await command.ExecuteScalarAsync()}");
    }
    return string.Join(" ", results);
}

async Task<string> Rollback()
{
    const string count = "select count(*) from numbers";
    await Value("create temp table numbers (i int primary key)");
    string within;
    await using (var transaction = await connection.BeginTransactionAsync())
    {
        await Value("insert into numbers values (1)");
        within = await Value(count);
        await transaction.RollbackAsync();
    }
    return $"{within} {await Value(count)}";
}

async Task<string> Copy()
{
    await using (var into = await connection.BeginBinaryImportAsync("copy numbers from stdin (format binary)"))
    {
        for (var i = 1; i <= 1000; i++)
        {
            await into.StartRowAsync();
            await into.WriteAsync(i);
        }
        await into.CompleteAsync();
    }
    var numbers = new List<int>();
    using (var copied = await connection.BeginTextExportAsync("copy numbers to stdout"))
    {
        while (await copied.ReadLineAsync() is { } line) numbers.Add(int.Parse(line));
    }
    return Total(numbers);
}

// The driver's own request, again and again until the server has begun what is to be cancelled.
async Task<string> Cancel()
{
    await using var command = Command("select pg_sleep(30)");
    using var over = new CancellationTokenSource();
    var asking = Task.Run(async () =>
    {
        try
        {
            while (true)
            {
                await Task.Delay(100, over.Token);
                command.Cancel();
            }
        }
        catch (OperationCanceledException)
        {
            // The query has ended.
        }
    });
    try
    {
        return await Refusal(async () => $"{await command.ExecuteScalarAsync()}");
    }
    finally
    {
        await over.CancelAsync();
        await asking;
    }
}

// The SQLSTATE with which the server refuses; it may stand behind an OperationCanceledException.
static async Task<string> Refusal(Func<Task<string>> work)
{
    try
    {
        await work();
    }
    catch (Exception error)
    {
        if ((error as PostgresException ?? error.InnerException as PostgresException) is { } refused) return refused.SqlState;
        throw;
    }
    return "no error";
}

static string Total(List<int> numbers) => $"{numbers.Count} {numbers.Sum()}";

async Task Check(string name, Func<Task<string>> find)
{
    try
    {
        Tell(name, "value", await find());
    }
    catch (Exception error)
    {
        failed = true;
        Tell(name, "error", Words(error));
    }
}

// The messages of an error and of its causes.
static string Words(Exception error) =>
    $"{error.GetType().Name} {error.Message}" + (error.InnerException is { } cause ? $": {Words(cause)}" : "");

static void Tell(string check, string kind, string text) =>
    Console.WriteLine($"{check}\t{kind}\t{Regex.Replace(text, @"\s+", " ")}");
