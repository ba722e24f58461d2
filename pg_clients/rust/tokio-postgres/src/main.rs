//! tokio-postgres: what every program here does; see ../../../README.md.

use std::env;
use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, TryStreamExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

type Outcome = Result<String, Box<dyn Error>>;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let failed = runtime.block_on(run());
    std::process::exit(i32::from(failed));
}

async fn run() -> bool {
    let connected = connect().await;
    let (client, tls) = match connected {
        Err(error) => return tell("connect", Err(error)),
        Ok(connected) => connected,
    };
    let mut client = client;
    let mut failed = tell("connect", user(&client).await);
    failed |= tell("select", select(&client).await);
    failed |= tell("parameters", parameters(&client).await);
    failed |= tell("prepared", prepared(&client).await);
    failed |= tell("rollback", rollback(&mut client).await);
    failed |= tell("sqlstate", refusal(client.batch_execute("select 1 / 0").await));
    failed |= tell("rows", rows(&client).await);
    failed |= tell("copy", copy(&client).await);
    failed | tell("cancel", cancel(&client, tls).await)
}

/// Chain and host name are verified; without a file by the system's authorities.
fn tls() -> Result<MakeRustlsConnect, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    if let Ok(path) = env::var("NEON_CA") {
        for certificate in CertificateDer::pem_file_iter(path)? {
            roots.add(certificate?)?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

async fn connect() -> Result<(Client, MakeRustlsConnect), Box<dyn Error>> {
    let tls = tls()?;
    let (client, connection) = Config::new()
        .host(env::var("NEON_HOST")?)
        .port(env::var("NEON_PORT").unwrap_or("5432".into()).parse()?)
        .dbname(env::var("NEON_DATABASE")?)
        .user(env::var("NEON_USER")?)
        .password(env::var("NEON_PASSWORD")?)
        .ssl_mode(SslMode::Require)
        .connect_timeout(Duration::from_secs(15))
        .connect(tls.clone())
        .await?;
    tokio::spawn(async move {
        // The query that is under way fails, too, but only this says why.
        if let Err(error) = connection.await {
            eprintln!("the connection: {}", words(&error));
        }
    });
    Ok((client, tls))
}

async fn user(client: &Client) -> Outcome {
    Ok(client.query_one("select current_user::text", &[]).await?.get(0))
}

async fn select(client: &Client) -> Outcome {
    Ok(client.query_one("select 1", &[]).await?.get::<_, i32>(0).to_string())
}

async fn parameters(client: &Client) -> Outcome {
    let row = client.query_one("select $1::int + length($2::text)", &[&38i32, &"žába"]).await?;
    Ok(row.get::<_, i32>(0).to_string())
}

async fn prepared(client: &Client) -> Outcome {
    let statement = client.prepare("select $1::int * 10").await?;
    let mut results = Vec::new();
    for value in [1i32, 2, 3] {
        results.push(client.query_one(&statement, &[&value]).await?.get::<_, i32>(0).to_string());
    }
    Ok(results.join(" "))
}

async fn rollback(client: &mut Client) -> Outcome {
    let count = "select count(*) from numbers";
    client.batch_execute("create temp table numbers (i int primary key)").await?;
    let transaction = client.transaction().await?;
    transaction.execute("insert into numbers values (1)", &[]).await?;
    let within: i64 = transaction.query_one(count, &[]).await?.get(0);
    transaction.rollback().await?;
    let after: i64 = client.query_one(count, &[]).await?.get(0);
    Ok(format!("{within} {after}"))
}

async fn rows(client: &Client) -> Outcome {
    let rows = client.query("select generate_series(1, 1000)", &[]).await?;
    Ok(total(rows.iter().map(|row| i64::from(row.get::<_, i32>(0)))))
}

async fn copy(client: &Client) -> Outcome {
    let mut into = Box::pin(client.copy_in("copy numbers from stdin").await?);
    for i in 1..=1000 {
        into.send(Bytes::from(format!("{i}\n"))).await?;
    }
    into.as_mut().finish().await?;
    let chunks: Vec<Bytes> = client.copy_out("copy numbers to stdout").await?.try_collect().await?;
    let text = String::from_utf8(chunks.concat())?;
    let numbers = text.lines().map(str::parse).collect::<Result<Vec<i64>, _>>()?;
    Ok(total(numbers.into_iter()))
}

/// The driver's own request, again and again until the server has begun what is to be cancelled.
async fn cancel(client: &Client, tls: MakeRustlsConnect) -> Outcome {
    let asking = async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if let Err(error) = client.cancel_token().cancel_query(tls.clone()).await {
                eprintln!("the request to cancel: {}", words(&error));
            }
        }
    };
    tokio::select! {
        slept = client.batch_execute("select pg_sleep(30)") => refusal(slept),
        () = asking => unreachable!("it asks for ever"),
    }
}

/// The SQLSTATE with which the server refuses.
fn refusal(outcome: Result<(), tokio_postgres::Error>) -> Outcome {
    match outcome {
        Ok(()) => Ok("no error".into()),
        Err(error) => match error.code() {
            Some(code) => Ok(code.code().into()),
            None => Err(error.into()),
        },
    }
}

fn total(numbers: impl Iterator<Item = i64>) -> String {
    let (count, sum) = numbers.fold((0, 0), |(count, sum), each| (count + 1, sum + each));
    format!("{count} {sum}")
}

/// Prints what a check found, or the error that the driver raised; says whether it was an error.
fn tell(check: &str, outcome: Outcome) -> bool {
    match outcome {
        Ok(text) => println!("{check}\tvalue\t{text}"),
        Err(error) => {
            println!("{check}\terror\t{}", words(error.as_ref()));
            return true;
        }
    }
    false
}

/// The messages of an error and of its causes.
fn words(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
