defmodule PgClient.MixProject do
  use Mix.Project

  def project do
    [
      app: :pg_client,
      version: "0.0.0",
      elixir: "~> 1.13",
      deps: [{:postgrex, "== 0.21.1"}]
    ]
  end

  def application, do: [extra_applications: [:logger, :ssl]]
end
