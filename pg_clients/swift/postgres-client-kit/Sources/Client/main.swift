// PostgresClientKit: what every program here does; see ../../../../README.md.

import Foundation
import PostgresClientKit
import SSLService

let environment = ProcessInfo.processInfo.environment

func connect() throws -> Connection {
    var configuration = ConnectionConfiguration()
    configuration.host = environment["NEON_HOST"] ?? ""
    configuration.port = Int(environment["NEON_PORT"] ?? "5432") ?? 5432
    configuration.database = environment["NEON_DATABASE"] ?? ""
    configuration.user = environment["NEON_USER"] ?? ""
    configuration.credential = .scramSHA256(password: environment["NEON_PASSWORD"] ?? "")
    configuration.socketTimeout = 45
    // By default it trusts everybody.
    configuration.sslServiceConfiguration = SSLService.Configuration(
        withCACertificateFilePath: environment["NEON_CA"] ?? "/etc/ssl/certs/ca-certificates.crt",
        usingCertificateFile: nil,
        withKeyFile: nil,
        usingSelfSignedCerts: false
    )
    return try Connection(configuration: configuration)
}

func column(_ connection: Connection, _ query: String, _ parameters: [PostgresValueConvertible?] = []) throws -> [String] {
    let statement = try connection.prepareStatement(text: query)
    defer { statement.close() }
    let cursor = try statement.execute(parameterValues: parameters)
    defer { cursor.close() }
    return try cursor.map { try $0.get().columns[0].string() }
}

func value(_ connection: Connection, _ query: String, _ parameters: [PostgresValueConvertible?] = []) throws -> String {
    try column(connection, query, parameters).first ?? "no row"
}

func prepared(_ connection: Connection) throws -> String {
    let statement = try connection.prepareStatement(text: "select $1::int * 10")
    defer { statement.close() }
    var results: [String] = []
    for factor in [1, 2, 3] {
        let cursor = try statement.execute(parameterValues: [factor])
        defer { cursor.close() }
        for row in cursor { results.append(try row.get().columns[0].string()) }
    }
    return results.joined(separator: " ")
}

func rollback(_ connection: Connection) throws -> String {
    let count = "select count(*) from numbers"
    _ = try column(connection, "create temp table numbers (i int primary key)")
    try connection.beginTransaction()
    _ = try column(connection, "insert into numbers values (1)")
    let within = try value(connection, count)
    try connection.rollbackTransaction()
    return "\(within) \(try value(connection, count))"
}

/// The driver has no request to cancel a query, so a second session asks the server.
func cancel(_ connection: Connection) throws -> String {
    let pid = try value(connection, "select pg_backend_pid()")
    let isOver = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
        cancelFromAnother(pid)
        isOver.signal()
    }
    defer { isOver.wait() }
    return try refusal { _ = try value(connection, "select pg_sleep(30)::text") }
}

/// Asks until the query is under way; if the server is gone, that query tells of it.
func cancelFromAnother(_ pid: String) {
    do {
        let other = try connect()
        defer { other.close() }
        let asleep = """
            select pg_cancel_backend(pid)::text from pg_stat_activity
            where pid = $1::text::int and wait_event = 'PgSleep'
            """
        for _ in 1...500 where try column(other, asleep, [pid]).isEmpty { Thread.sleep(forTimeInterval: 0.05) }
    } catch {
        FileHandle.standardError.write(Data("the second session: \(words(error))\n".utf8))
    }
}

/// The SQLSTATE with which the server refuses.
func refusal(_ work: () throws -> Void) throws -> String {
    do {
        try work()
    } catch let PostgresError.sqlError(notice) {
        return notice.code ?? "no SQLSTATE"
    }
    return "no error"
}

func total(_ numbers: [String]) -> String { "\(numbers.count) \(numbers.compactMap(Int.init).reduce(0, +))" }

func words(_ error: Error) -> String {
    guard case let PostgresError.sqlError(notice) = error else { return String(describing: error) }
    return "\(notice.code ?? "") \(notice.message ?? "")"
}

func tell(_ check: String, _ kind: String, _ text: String) {
    let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    print("\(check)\t\(kind)\t\(line)")
}

/// Says whether it found something.
func check(_ name: String, _ find: () throws -> String) -> Bool {
    do {
        tell(name, "value", try find())
        return true
    } catch {
        tell(name, "error", words(error))
        return false
    }
}

let connection: Connection
do {
    connection = try connect()
} catch {
    tell("connect", "error", words(error))
    exit(1)
}
var results = [
    check("connect") { try value(connection, "select current_user") },
    check("select") { try value(connection, "select 1") },
    check("parameters") { try value(connection, "select $1::int + length($2::text)", [38, "žába"]) },
    check("prepared") { try prepared(connection) },
    check("rollback") { try rollback(connection) },
    check("sqlstate") { try refusal { _ = try value(connection, "select 1 / 0") } },
    check("rows") { total(try column(connection, "select generate_series(1, 1000)")) },
]
tell("copy", "skipped", "the driver has no COPY")
results.append(check("cancel") { try cancel(connection) })
connection.close()
exit(results.allSatisfy { $0 } ? 0 : 1)
