defmodule PgClient do
  @moduledoc "Postgrex: what every program here does; see ../../../README.md."

  defmodule Probe do
    @moduledoc "A pool gives its errors to the log only; a single connection hands them to who starts it."
    @behaviour Postgrex.SimpleConnection

    @impl true
    def init(state), do: {:ok, state}

    @impl true
    def notify(_channel, _payload, _state), do: :ok
  end

  def main do
    Logger.configure(level: :none)
    Process.flag(:trap_exit, true)

    case connect() do
      {:ok, connection} ->
        results = for {name, find} <- checks(connection), do: check(name, find)
        System.halt(if Enum.all?(results), do: 0, else: 1)

      {:error, error} ->
        tell("connect", "error", words(error))
        System.halt(1)
    end
  end

  defp settings do
    [
      hostname: System.fetch_env!("NEON_HOST"),
      port: String.to_integer(System.get_env("NEON_PORT", "5432")),
      database: System.fetch_env!("NEON_DATABASE"),
      username: System.fetch_env!("NEON_USER"),
      password: System.fetch_env!("NEON_PASSWORD"),
      # Chain and host name are verified; without a file by the system's authorities.
      ssl: if(authority = System.get_env("NEON_CA"), do: [cacertfile: authority], else: true),
      timeout: 15_000
    ]
  end

  defp connect do
    with {:ok, probe} <- Postgrex.SimpleConnection.start_link(Probe, nil, [auto_reconnect: false] ++ settings()) do
      GenServer.stop(probe)
      Postgrex.start_link([pool_size: 1, backoff_type: :stop, max_restarts: 0] ++ settings())
    end
  end

  defp checks(connection) do
    [
      {"connect", fn -> value(connection, "select current_user::text") end},
      {"select", fn -> value(connection, "select 1") end},
      {"parameters", fn -> value(connection, "select $1::int + length($2::text)", [38, "žába"]) end},
      {"prepared", fn -> prepared(connection) end},
      {"rollback", fn -> rollback(connection) end},
      {"sqlstate", fn -> refusal(fn -> Postgrex.query(connection, "select 1 / 0", []) end) end},
      {"rows", fn -> total(column(connection, "select generate_series(1, 1000)")) end},
      {"copy", fn -> copy(connection) end},
      {"cancel", fn -> cancel(connection) end}
    ]
  end

  defp column(connection, query, parameters \\ []) do
    Enum.map(Postgrex.query!(connection, query, parameters).rows, &hd/1)
  end

  defp value(connection, query, parameters \\ []), do: hd(column(connection, query, parameters))

  defp prepared(connection) do
    query = Postgrex.prepare!(connection, "times ten", "select $1::int * 10")

    Enum.map_join([1, 2, 3], " ", fn factor ->
      [[result]] = Postgrex.execute!(connection, query, [factor]).rows
      result
    end)
  end

  defp rollback(connection) do
    count = "select count(*) from numbers"
    Postgrex.query!(connection, "create temp table numbers (i int primary key)", [])

    {:error, within} =
      Postgrex.transaction(connection, fn transaction ->
        Postgrex.query!(transaction, "insert into numbers values (1)", [])
        Postgrex.rollback(transaction, value(transaction, count))
      end)

    "#{within} #{value(connection, count)}"
  end

  defp copy(connection) do
    {:ok, copied} =
      Postgrex.transaction(connection, fn transaction ->
        Enum.into(1..1000 |> Stream.map(&"#{&1}\n"), Postgrex.stream(transaction, "copy numbers from stdin", []))

        Postgrex.stream(transaction, "copy numbers to stdout", [])
        |> Enum.flat_map(& &1.rows)
        |> Enum.map(&(&1 |> String.trim() |> String.to_integer()))
      end)

    total(copied)
  end

  # The driver has no request to cancel a query, so a second session asks the server.
  defp cancel(connection) do
    pid = value(connection, "select pg_backend_pid()")
    asking = Task.async(fn -> cancel_from_another(pid) end)
    state = refusal(fn -> Postgrex.query(connection, "select pg_sleep(30)", [], timeout: 60_000) end)
    Task.await(asking, 30_000)
    state
  end

  defp cancel_from_another(pid) do
    Process.flag(:trap_exit, true)

    case connect() do
      {:ok, other} -> cancel_when_asleep(other, pid)
      # The query that is under way tells what has happened to the server.
      {:error, error} -> IO.puts(:stderr, "the second session: #{words(error)}")
    end
  end

  defp cancel_when_asleep(other, pid, tries \\ 500) do
    asleep = "select pg_cancel_backend(pid) from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'"

    case Postgrex.query(other, asleep, [pid]) do
      {:ok, %{num_rows: 0}} when tries > 0 ->
        Process.sleep(50)
        cancel_when_asleep(other, pid, tries - 1)

      {:ok, _done} ->
        :ok

      {:error, error} ->
        IO.puts(:stderr, "the second session: #{words(error)}")
    end
  end

  # The SQLSTATE with which the server refuses.
  defp refusal(work) do
    case work.() do
      {:ok, _result} -> "no error"
      {:error, %Postgrex.Error{postgres: %{pg_code: code}}} -> code
      {:error, error} -> raise error
    end
  end

  defp total(numbers), do: "#{length(numbers)} #{Enum.sum(numbers)}"

  # Says whether it found something.
  defp check(name, find) do
    tell(name, "value", find.())
    true
  rescue
    error ->
      tell(name, "error", words(error))
      false
  end

  defp words(error) when is_exception(error), do: "#{inspect(error.__struct__)} #{Exception.message(error)}"
  defp words(reason), do: inspect(reason)

  defp tell(check, kind, text) do
    IO.puts("#{check}\t#{kind}\t#{String.replace(to_string(text), ~r/\s+/, " ")}")
  end
end
