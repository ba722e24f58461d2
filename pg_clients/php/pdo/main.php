<?php
// PDO: what every program here does; see ../../README.md.

declare(strict_types=1);

const ASLEEP = "select pg_cancel_backend(pid) from pg_stat_activity where pid = ? and wait_event = 'PgSleep'";

function connect(): PDO
{
    // libpq before 16 has no word for the system's authorities.
    $authority = getenv('NEON_CA') ?: '/etc/ssl/certs/ca-certificates.crt';
    $address = sprintf(
        'pgsql:host=%s;port=%s;dbname=%s;sslmode=verify-full;sslrootcert=%s;connect_timeout=15',
        getenv('NEON_HOST'),
        getenv('NEON_PORT') ?: '5432',
        getenv('NEON_DATABASE'),
        $authority,
    );
    return new PDO($address, getenv('NEON_USER'), getenv('NEON_PASSWORD'), [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
}

/** @return list<mixed> the first column */
function column(PDO $connection, string $query, array $parameters = []): array
{
    $statement = $connection->prepare($query);
    $statement->execute($parameters);
    return $statement->fetchAll(PDO::FETCH_COLUMN);
}

function prepared(PDO $connection): string
{
    $statement = $connection->prepare('select ?::int * 10');
    $results = [];
    foreach ([1, 2, 3] as $factor) {
        $statement->execute([$factor]);
        $results[] = $statement->fetchColumn();
    }
    return implode(' ', $results);
}

function rollback(PDO $connection): string
{
    $count = 'select count(*) from numbers';
    $connection->exec('create temp table numbers (i int primary key)');
    $connection->beginTransaction();
    $connection->exec('insert into numbers values (1)');
    $within = column($connection, $count)[0];
    $connection->rollBack();
    return $within . ' ' . column($connection, $count)[0];
}

function copied(PDO $connection): string
{
    $connection->pgsqlCopyFromArray('numbers', array_map(strval(...), range(1, 1000)));
    return total($connection->pgsqlCopyToArray('numbers'));
}

/** PDO waits for what it has asked and has no request to cancel, so a second process asks the server. */
function cancel(PDO $connection): string
{
    $pid = (string) column($connection, 'select pg_backend_pid()')[0];
    $other = proc_open([PHP_BINARY, __FILE__, 'cancel', $pid], [1 => STDERR, 2 => STDERR], $pipes);
    try {
        return refusal(fn () => $connection->exec('select pg_sleep(30)'));
    } finally {
        proc_close($other);
    }
}

function cancelFromAnother(int $pid): void
{
    try {
        $other = connect();
        for ($tries = 0; $tries < 500 && column($other, ASLEEP, [$pid]) === []; $tries++) {
            usleep(50_000);
        }
    } catch (PDOException $error) {
        // The query that is under way tells what has happened to the server.
        fwrite(STDERR, "the second session: {$error->getMessage()}\n");
    }
}

/** The SQLSTATE with which the server refuses. */
function refusal(callable $work): string
{
    try {
        $work();
    } catch (PDOException $error) {
        $state = (string) $error->getCode();
        // HY000 is PDO's own word for everything that has no SQLSTATE.
        if ($state === 'HY000') {
            throw $error;
        }
        return $state;
    }
    return 'no error';
}

function total(array $numbers): string
{
    return count($numbers) . ' ' . array_sum(array_map(intval(...), $numbers));
}

function tell(string $check, string $kind, string $text): void
{
    echo $check, "\t", $kind, "\t", preg_replace('/\s+/', ' ', $text), "\n";
}

/** Says whether it found something. */
function check(string $name, callable $find): bool
{
    try {
        tell($name, 'value', (string) $find());
        return true;
    } catch (Throwable $error) {
        tell($name, 'error', get_class($error) . ' ' . $error->getMessage());
        return false;
    }
}

if (($argv[1] ?? '') === 'cancel') {
    cancelFromAnother((int) $argv[2]);
    exit(0);
}

$connection = null;
$found = check('connect', function () use (&$connection) {
    $connection = connect();
    return column($connection, 'select current_user')[0];
});
if ($connection === null) {
    exit(1);
}
$checks = [
    'select' => fn () => column($connection, 'select 1')[0],
    'parameters' => fn () => column($connection, 'select ?::int + length(?::text)', [38, 'žába'])[0],
    'prepared' => fn () => prepared($connection),
    'rollback' => fn () => rollback($connection),
    'sqlstate' => fn () => refusal(fn () => $connection->query('select 1 / 0')),
    'rows' => fn () => total(column($connection, 'select generate_series(1, 1000)')),
    'copy' => fn () => copied($connection),
    'cancel' => fn () => cancel($connection),
];
foreach ($checks as $name => $find) {
    $found = check($name, $find) && $found;
}
exit($found ? 0 : 1);
