"""The plainest test there is, on the fixtures of Neon's test_runner."""


def test_session(neon_env_builder):
    """Pays for what a session does once, so that it does not count as the next test's set-up."""


def test_one_second(neon_simple_env):
    endpoint = neon_simple_env.endpoints.create_start("main")
    assert endpoint.safe_psql("select 1") == [(1,)]
