# pg: what every program here does; see ../../README.md.

require "pg"

# libpq before 16 has no word for the system's authorities.
SETTINGS = {
  host: ENV.fetch("NEON_HOST"),
  port: ENV.fetch("NEON_PORT", "5432"),
  dbname: ENV.fetch("NEON_DATABASE"),
  user: ENV.fetch("NEON_USER"),
  password: ENV.fetch("NEON_PASSWORD"),
  sslmode: "verify-full",
  sslrootcert: ENV.fetch("NEON_CA", "/etc/ssl/certs/ca-certificates.crt"),
  connect_timeout: 15
}.freeze

# The checks of one connection.
class Program
  GivenUp = Class.new(StandardError)

  CHECKS = %i[connect select parameters prepared rollback sqlstate rows copy cancel].freeze

  def connect
    @connection = PG.connect(SETTINGS)
    value("select current_user")
  end

  def select = value("select 1")

  def parameters = value("select $1::int + length($2::text)", [38, "žába"])

  def prepared
    @connection.prepare("times ten", "select $1::int * 10")
    [1, 2, 3].map { |factor| @connection.exec_prepared("times ten", [factor]).getvalue(0, 0) }.join(" ")
  end

  def rollback
    count = "select count(*) from numbers"
    within = nil
    @connection.exec("create temp table numbers (i int primary key)")
    @connection.transaction do
      @connection.exec("insert into numbers values (1)")
      within = value(count)
      raise GivenUp
    end
  rescue GivenUp
    "#{within} #{value(count)}"
  end

  def sqlstate = refusal { @connection.exec("select 1 / 0") }

  def rows = total(@connection.exec("select generate_series(1, 1000)").column_values(0))

  def copy
    @connection.copy_data("copy numbers from stdin") do
      (1..1000).each { |i| @connection.put_copy_data("#{i}\n") }
    end
    lines = []
    @connection.copy_data("copy numbers to stdout") do
      while (line = @connection.get_copy_data)
        lines << line
      end
    end
    total(lines)
  end

  # The driver's own request, again and again until the server has begun what is to be cancelled.
  def cancel
    over = Queue.new
    asking = Thread.new { cancel_until(over) }
    refusal { @connection.exec("select pg_sleep(30)") }
  ensure
    over << :over
    asking.join
  end

  def close = @connection&.close

  private

  def cancel_until(over)
    while over.empty?
      sleep 0.1
      problem = @connection.cancel
      # The query that is under way tells what has happened to the server.
      warn "the request to cancel: #{problem}" if problem
    end
  rescue PG::Error => e
    warn "the request to cancel: #{e.message}"
  end

  def value(query, parameters = []) = @connection.exec_params(query, parameters).getvalue(0, 0)

  # The SQLSTATE with which the server refuses.
  def refusal
    yield
    "no error"
  rescue PG::Error => e
    e.result&.error_field(PG::PG_DIAG_SQLSTATE) || raise
  end

  def total(numbers) = "#{numbers.size} #{numbers.sum(&:to_i)}"
end

def tell(check, kind, text)
  puts [check, kind, text.to_s.gsub(/\s+/, " ").strip].join("\t")
end

program = Program.new
failed = false
Program::CHECKS.each do |check|
  tell(check, "value", program.public_send(check))
rescue StandardError => e
  failed = true
  tell(check, "error", "#{e.class} #{e.message}")
  break if check == :connect
end
program.close
exit(failed ? 1 : 0)
