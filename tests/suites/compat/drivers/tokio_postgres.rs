//! tokio-postgres: binary values, pipelining, portals, COPY, notices, notifications, cancel; without TLS.

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client, Config, Error, NoTls, SimpleQueryMessage};

use super::word;

pub(super) async fn run() -> Result<()> {
    let (mut client, mut messages) = connect().await?;
    types(&client).await?;
    client.batch_execute("create temp table things (id int primary key, name text)").await?;
    simple(&client).await?;
    errors(&client).await;
    pipeline(&client).await?;
    transaction(&mut client).await?;
    copy(&client).await?;
    large(&client).await?;
    client
        .batch_execute("do $$ begin raise notice 'a notice'; end $$; listen here; notify here, 'payload'")
        .await?;
    for _ in 0..2 {
        println!("{}", messages.recv().await.context("the connection is gone")?);
    }
    cancel(&client).await
}

async fn connect() -> Result<(Client, UnboundedReceiver<String>)> {
    let mut config = Config::new();
    config.host(word("PGHOST")?).port(word("PGPORT")?.parse()?).user(word("PGUSER")?);
    config.dbname(word("PGDATABASE")?).password(word("PGPASSWORD")?);
    let (client, mut connection) = config.connect(NoTls).await?;
    let (send, messages) = unbounded_channel();
    tokio::spawn(async move {
        let mut stream = stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(Ok(message)) = stream.next().await {
            let said = match message {
                AsyncMessage::Notice(notice) => format!("notice {} {}", notice.severity(), notice.message()),
                AsyncMessage::Notification(note) => format!("notified {} {}", note.channel(), note.payload()),
                _ => "something else".to_owned(),
            };
            // Nobody listens any more when the client is done.
            let _ = send.send(said);
        }
    });
    Ok((client, messages))
}

async fn types(client: &Client) -> Result<()> {
    let query =
        "select $1::int2 + 1::int2, 2::int8, 3.5::float8, true, null::text, $2::text, $3::bytea, array[1, 2]";
    let row = client.query_one(query, &[&1_i16, &"ünïcode ✓", &vec![0_u8, 255]]).await?;
    println!(
        "{:?}",
        row.columns().iter().map(|column| (column.name(), column.type_().oid())).collect::<Vec<_>>()
    );
    println!(
        "{} {} {} {}",
        row.get::<_, i16>(0),
        row.get::<_, i64>(1),
        row.get::<_, f64>(2),
        row.get::<_, bool>(3)
    );
    println!(
        "{:?} {} {:?}",
        row.get::<_, Option<String>>(4),
        row.get::<_, String>(5),
        row.get::<_, Vec<u8>>(6)
    );
    println!("{:?}", row.get::<_, Vec<i32>>(7));
    let prepared = client.prepare_typed("select $1 || $2", &[Type::TEXT, Type::TEXT]).await?;
    for word in ["one", "two"] {
        println!("{}", client.query_one(&prepared, &[&word, &"!"]).await?.get::<_, String>(0));
    }
    Ok(())
}

async fn simple(client: &Client) -> Result<()> {
    let many =
        "select 1 as one, null; insert into things values (1, 'one'), (2, 'two'); select * from things";
    for message in client.simple_query(many).await? {
        match message {
            SimpleQueryMessage::Row(row) => println!("{:?} {:?}", row.get(0), row.get(1)),
            SimpleQueryMessage::CommandComplete(rows) => println!("complete {rows}"),
            _ => println!("columns"),
        }
    }
    Ok(())
}

async fn errors(client: &Client) {
    for statement in [
        "selec",
        "insert into things values (1, 'again')",
        "select 10 / (5000 - i) from generate_series(1, 10000) i",
        "select 'still here'",
    ] {
        println!("{}", said(&client.query(statement, &[]).await.map(|rows| rows.len())));
        println!("{}", said(&client.simple_query(statement).await.map(|rows| rows.len())));
    }
}

/// All are sent at once, and one of them fails.
async fn pipeline(client: &Client) -> Result<()> {
    let divide = client.prepare("select 10 / $1::int").await?;
    let divisors: Vec<i32> = (-3..100).collect();
    let all = divisors.iter().map(async |divisor| client.query_one(&divide, &[divisor]).await);
    let answers = futures_util::future::join_all(all).await;
    let failed = answers.iter().filter(|answer| answer.is_err()).count();
    let sum: i32 = answers.iter().flatten().map(|row| row.get::<_, i32>(0)).sum();
    println!("{} answers, {failed} failed, {sum} in all", answers.len());
    Ok(())
}

async fn transaction(client: &mut Client) -> Result<()> {
    let mut transaction = client.transaction().await?;
    let query = "select i from generate_series(1, 100) i";
    let portal = transaction.bind(query, &[]).await?;
    for rows in [7, 50, 0, 0] {
        println!("{} rows of a portal", transaction.query_portal(&portal, rows).await?.len());
    }
    let savepoint = transaction.transaction().await?;
    println!("{}", said(&savepoint.execute("select 1/0", &[]).await));
    println!("{}", said(&savepoint.execute("select 1", &[]).await));
    savepoint.rollback().await?;
    println!("{}", said(&transaction.execute("select 1", &[]).await));
    Ok(transaction.rollback().await?)
}

async fn copy(client: &Client) -> Result<()> {
    let mut sink = Box::pin(client.copy_in("copy things from stdin").await?);
    for i in 100..3000 {
        sink.send(bytes(format!("{i}\trow {i}\n"))).await?;
    }
    println!("{} rows in", sink.as_mut().finish().await?);
    let mut bad = Box::pin(client.copy_in("copy things from stdin").await?);
    bad.send(bytes("word\tx\n".to_owned())).await?;
    println!("{}", said(&bad.as_mut().finish().await));
    // What is not finished is given up.
    drop(client.copy_in::<_, std::io::Cursor<Vec<u8>>>("copy things from stdin").await?);
    let out = client.copy_out("copy (select * from things order by id) to stdout (format binary)").await?;
    let length: usize = out.map_ok(|part| part.len()).try_fold(0, async |sum, part| Ok(sum + part)).await?;
    println!("{length} bytes out");
    Ok(())
}

async fn large(client: &Client) -> Result<()> {
    let big = "0123456789abcdef".repeat(300_000);
    let row = client.query_one("select $1::text, length($1)", &[&big]).await?;
    println!("{} {}", row.get::<_, &str>(0) == big, row.get::<_, i32>(1));
    Ok(())
}

async fn cancel(client: &Client) -> Result<()> {
    let token = client.cancel_token();
    let cancelling = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        token.cancel_query(NoTls).await
    };
    let (slept, cancelled) = tokio::join!(client.execute("select pg_sleep(30)", &[]), cancelling);
    cancelled?;
    println!("{}", said(&slept));
    println!("{}", client.query_one("select 'still here'", &[]).await?.get::<_, String>(0));
    Ok(())
}

fn bytes(text: String) -> std::io::Cursor<Vec<u8>> {
    std::io::Cursor::new(text.into_bytes())
}

fn said<T: std::fmt::Debug>(outcome: &Result<T, Error>) -> String {
    match outcome {
        Ok(value) => format!("{value:?}"),
        Err(error) => match error.as_db_error() {
            Some(error) => format!("{} {} {:?}", error.code().code(), error.message(), error.constraint()),
            None => format!("{error}"),
        },
    }
}
