// PostgresNIO: what every program here does; see ../../../../README.md.

import Foundation
import Logging
import NIOCore
import NIOSSL
import PostgresNIO

let environment = ProcessInfo.processInfo.environment
let logger = Logger(label: "client") { _ in SwiftLogNoOpLogHandler() }

struct TimesTen: PostgresPreparedStatement {
    static let sql = "select $1::int * 10"
    typealias Row = Int
    var factor: Int32

    func makeBindings() -> PostgresBindings {
        var bindings = PostgresBindings()
        bindings.append(factor)
        return bindings
    }

    func decodeRow(_ row: PostgresRow) throws -> Int { Int(try row.decode(Int32.self)) }
}

func connect(id: Int) async throws -> PostgresConnection {
    // Chain and host name are verified; without a file by the system's authorities.
    var tls = TLSConfiguration.makeClientConfiguration()
    if let authority = environment["NEON_CA"] { tls.trustRoots = .file(authority) }
    let configuration = PostgresConnection.Configuration(
        host: environment["NEON_HOST"] ?? "",
        port: Int(environment["NEON_PORT"] ?? "5432") ?? 5432,
        username: environment["NEON_USER"] ?? "",
        password: environment["NEON_PASSWORD"],
        database: environment["NEON_DATABASE"],
        tls: .require(try NIOSSLContext(configuration: tls))
    )
    return try await PostgresConnection.connect(configuration: configuration, id: id, logger: logger)
}

func numbers(_ connection: PostgresConnection, _ query: PostgresQuery) async throws -> [Int] {
    var found: [Int] = []
    for try await number in try await connection.query(query, logger: logger).decode(Int.self) { found.append(number) }
    return found
}

func number(_ connection: PostgresConnection, _ query: PostgresQuery) async throws -> String {
    guard let first = try await numbers(connection, query).first else { return "no row" }
    return String(first)
}

func user(_ connection: PostgresConnection) async throws -> String {
    for try await name in try await connection.query("select current_user::text", logger: logger).decode(String.self) {
        return name
    }
    return "no row"
}

func prepared(_ connection: PostgresConnection) async throws -> String {
    var results: [String] = []
    for factor: Int32 in [1, 2, 3] {
        for try await result in try await connection.execute(TimesTen(factor: factor), logger: logger) {
            results.append(String(result))
        }
    }
    return results.joined(separator: " ")
}

func rollback(_ connection: PostgresConnection) async throws -> String {
    let count: PostgresQuery = "select count(*) from numbers"
    try await connection.query("create temp table numbers (i int primary key)", logger: logger)
    try await connection.query("begin", logger: logger)
    try await connection.query("insert into numbers values (1)", logger: logger)
    let within = try await number(connection, count)
    try await connection.query("rollback", logger: logger)
    return "\(within) \(try await number(connection, count))"
}

/// The driver copies into tables only; what came in is read by a query.
func copied(_ connection: PostgresConnection) async throws -> String {
    try await connection.copyFrom(table: "numbers", columns: ["i"], logger: logger) { writer in
        for i in 1...1000 { try await writer.write(ByteBuffer(string: "\(i)\n")) }
    }
    return total(try await numbers(connection, "select i::bigint from numbers"))
}

/// The driver has no request to cancel a query, so a second session asks the server.
func cancel(_ connection: PostgresConnection) async throws -> String {
    let pid = try await numbers(connection, "select pg_backend_pid()::bigint").first ?? 0
    async let asking: Void = cancelFromAnother(pid)
    let state = try await refusal { _ = try await number(connection, "select 1::bigint from pg_sleep(30)") }
    await asking
    return state
}

/// Asks until the query is under way; if the server is gone, that query tells of it.
func cancelFromAnother(_ pid: Int) async {
    do {
        let other = try await connect(id: 2)
        let asleep: PostgresQuery = """
            select pid::bigint from pg_stat_activity
            where pid = \(pid) and wait_event = 'PgSleep' and pg_cancel_backend(pid)
            """
        for _ in 1...500 where try await numbers(other, asleep).isEmpty {
            try await Task.sleep(nanoseconds: 50_000_000)
        }
        try await other.close()
    } catch {
        FileHandle.standardError.write(Data("the second session: \(words(error))\n".utf8))
    }
}

/// The SQLSTATE with which the server refuses.
func refusal(_ work: () async throws -> Void) async throws -> String {
    do {
        try await work()
    } catch let error as PSQLError {
        guard let state = error.serverInfo?[.sqlState] else { throw error }
        return state
    }
    return "no error"
}

func total(_ numbers: [Int]) -> String { "\(numbers.count) \(numbers.reduce(0, +))" }

func words(_ error: any Error) -> String {
    // Its description says nothing, lest data be logged.
    guard let own = error as? PSQLError else { return String(reflecting: error) }
    if let refused = own.serverInfo { return "\(refused[.sqlState] ?? "") \(refused[.message] ?? "")" }
    return String(reflecting: own)
}

func tell(_ check: String, _ kind: String, _ text: String) {
    let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    print("\(check)\t\(kind)\t\(line)")
}

/// Says whether it found something.
func check(_ name: String, _ find: () async throws -> String) async -> Bool {
    do {
        tell(name, "value", try await find())
        return true
    } catch {
        tell(name, "error", words(error))
        return false
    }
}

let connection: PostgresConnection
do {
    connection = try await connect(id: 1)
} catch {
    tell("connect", "error", words(error))
    exit(1)
}
var results: [Bool] = []
results.append(await check("connect") { try await user(connection) })
results.append(await check("select") { try await number(connection, "select 1::bigint") })
results.append(
    await check("parameters") {
        try await number(connection, "select (\(38)::bigint + length(\("žába")::text))::bigint")
    })
results.append(await check("prepared") { try await prepared(connection) })
results.append(await check("rollback") { try await rollback(connection) })
results.append(await check("sqlstate") { try await refusal { _ = try await number(connection, "select 1 / 0") } })
results.append(
    await check("rows") { total(try await numbers(connection, "select generate_series(1, 1000)::bigint")) })
results.append(await check("copy") { try await copied(connection) })
results.append(await check("cancel") { try await cancel(connection) })
try? await connection.close()
exit(results.allSatisfy { $0 } ? 0 : 1)
