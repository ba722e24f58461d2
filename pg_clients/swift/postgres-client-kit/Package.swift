// swift-tools-version:5.9
import PackageDescription

let package = Package(
    name: "client",
    dependencies: [
        .package(url: "https://github.com/codewinsdotcom/PostgresClientKit.git", exact: "1.5.0"),
        .package(url: "https://github.com/Kitura/BlueSSLService.git", from: "2.0.0"),
    ],
    targets: [
        .executableTarget(
            name: "Client",
            dependencies: [
                .product(name: "PostgresClientKit", package: "PostgresClientKit"),
                .product(name: "SSLService", package: "BlueSSLService"),
            ]
        )
    ]
)
