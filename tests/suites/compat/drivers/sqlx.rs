//! sqlx: prepared statements throughout, a pool, and every mode of TLS, over each family of addresses.

use anyhow::Result;
use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions, PgRow, PgSslMode};
use sqlx::{Column, ConnectOptions, Connection, Error, Executor, Row, TypeInfo};

use super::word;

pub(super) async fn run() -> Result<()> {
    for name in word("NAMES")?.split(' ') {
        modes(name).await?;
    }
    let options = options(&word("PGHOST")?)?.ssl_mode(PgSslMode::Disable);
    let pool = PgPoolOptions::new().max_connections(3).connect_with(options).await?;
    statements(&pool).await?;
    transactions(&pool).await?;
    copy(&pool).await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen("here").await?;
    sqlx::query("select pg_notify('here', 'a payload')").execute(&pool).await?;
    let note = listener.recv().await?;
    println!("notified {} {}", note.channel(), note.payload());
    Ok(())
}

fn options(host: &str) -> Result<PgConnectOptions> {
    let options = PgConnectOptions::new_without_pgpass().host(host).port(word("PGPORT")?.parse()?);
    Ok(options.username(&word("PGUSER")?).database(&word("PGDATABASE")?).password(&word("PGPASSWORD")?))
}

async fn modes(name: &str) -> Result<()> {
    use PgSslMode::{Allow, Disable, Prefer, Require, VerifyCa, VerifyFull};
    for mode in [Disable, Allow, Prefer, Require, VerifyCa, VerifyFull] {
        for roots in ["TRUSTED", "STRANGER"] {
            let options = options(name)?.ssl_mode(mode).ssl_root_cert(word(roots)?);
            let said = match options.connect().await {
                Ok(mut connection) => {
                    let row = connection.fetch_one("select 6 * 7, current_user::text").await?;
                    connection.close().await?;
                    format!("{} {}", row.get::<i32, _>(0), row.get::<String, _>(1))
                }
                Err(Error::Tls(_) | Error::Io(_)) => "no trust".to_owned(),
                Err(error) => said(&error),
            };
            println!("{name} {mode:?} {roots} {said}");
        }
    }
    Ok(())
}

async fn statements(pool: &PgPool) -> Result<()> {
    pool.execute(
        "drop table if exists sqlx_things; create table sqlx_things (id int primary key, name text)",
    )
    .await?;
    for id in 1..20 {
        let insert = sqlx::query("insert into sqlx_things values ($1, $2) returning id, name");
        let row = insert.bind(id).bind(format!("row {id}")).fetch_one(pool).await?;
        print!("{} ", row.get::<i32, _>(0));
    }
    let row = pool
        .fetch_one("select 1::int2 a, 2::int8 b, 3.5::float8 c, true d, null::text e, 'x'::text f")
        .await?;
    println!("{:?}", types(&row));
    let mut rows = sqlx::query("select i, repeat('y', 100) from generate_series(1, 5000) i").fetch(pool);
    let mut sum = 0;
    while let Some(row) = rows.try_next().await? {
        sum += row.get::<i32, _>(0);
    }
    println!("{sum}");
    for wrong in [
        "selec",
        "insert into sqlx_things values (1)",
        "select 10 / (500 - i) from generate_series(1, 1000) i",
    ] {
        println!(
            "{:?}",
            sqlx::query(wrong).fetch_all(pool).await.map(|rows| rows.len()).map_err(|error| said(&error))
        );
    }
    Ok(())
}

async fn transactions(pool: &PgPool) -> Result<()> {
    let mut outer = pool.begin().await?;
    let mut inner = outer.begin().await?;
    println!(
        "{:?}",
        sqlx::query("select 1/0").execute(&mut *inner).await.map_err(|error| said(&error)).err()
    );
    println!("{:?}", sqlx::query("select 1").execute(&mut *inner).await.map_err(|error| said(&error)).err());
    inner.rollback().await?;
    let count: i64 = sqlx::query_scalar("select count(*) from sqlx_things").fetch_one(&mut *outer).await?;
    println!("{count}");
    Ok(outer.commit().await?)
}

async fn copy(pool: &PgPool) -> Result<()> {
    let mut connection = pool.acquire().await?;
    let mut copy = connection.copy_in_raw("copy sqlx_things from stdin (format csv)").await?;
    copy.send("100,copied\n101,copied too\n".as_bytes()).await?;
    println!("{} rows in", copy.finish().await?);
    let mut given_up = connection.copy_in_raw("copy sqlx_things from stdin").await?;
    given_up.send("200\tnever\n".as_bytes()).await?;
    given_up.abort("given up").await?;
    let out = connection.copy_out_raw("copy (select * from sqlx_things order by id) to stdout").await?;
    let bytes: usize = out.map_ok(|part| part.len()).try_fold(0, async |sum, part| Ok(sum + part)).await?;
    println!("{bytes} bytes out");
    Ok(())
}

fn types(row: &PgRow) -> Vec<(String, String)> {
    row.columns()
        .iter()
        .map(|column| (column.name().to_owned(), column.type_info().name().to_owned()))
        .collect()
}

fn said(error: &Error) -> String {
    match error.as_database_error() {
        Some(error) => format!("{:?} {} {:?}", error.code(), error.message(), error.constraint()),
        None => error.to_string(),
    }
}
