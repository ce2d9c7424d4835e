//! A synchronous parser on asynchronous sockets: serde_json's, which pulls what it needs out of a `Read`, in local tasks of tokio.
//!
//! Each connection is parsed by ordinary code on a stack of its own. Where that has to wait for its socket, it waits in the midst
//! of the parser's recursion, and tokio goes on with the others.

use std::io::{self, BufReader, Read};

use serde_json::{Deserializer, Value};
use tasklets::{SyncTask, wait_for};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

/// An asynchronous reader, as synchronous code wants it.
struct Waiting<R>(R);

impl<R: AsyncRead + Unpin> Read for Waiting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        wait_for(self.0.read(buffer)).map_err(io::Error::other)?
    }
}

/// A document after the other, until the other side has no more. Nothing here knows of futures.
fn report(input: impl Read) -> String {
    let (mut orders, mut total) = (0, 0);
    for document in Deserializer::from_reader(BufReader::new(input)).into_iter::<Value>() {
        match document {
            Ok(order) => {
                orders += 1;
                let items = order["items"].as_array().into_iter().flatten();
                total += items.filter_map(|item| item["price"].as_u64()).sum::<u64>();
            }
            Err(error) => return format!("{orders} orders for {total}, and then: {error}"),
        }
    }
    format!("{orders} orders for {total}")
}

/// A client that sends its orders a few bytes at a time.
async fn order(mut stream: TcpStream, text: String) -> io::Result<()> {
    for piece in text.as_bytes().chunks(7) {
        stream.write_all(piece).await?;
        stream.flush().await?;
        tokio::task::yield_now().await;
    }
    stream.shutdown().await
}

async fn exchange() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let orders = [
        r#"{"items": [{"price": 3}, {"price": 4}]} {"items": []}"#.to_owned(),
        r#"{"items": [{"price": 1, "parts": [[[[{}]]]]}]}"#.repeat(50),
        r#"{"items": [{"price": 10}]} {"items": [}"#.to_owned(),
    ];
    let mut connections = Vec::new();
    for text in orders {
        let client = TcpStream::connect(listener.local_addr()?).await?;
        let (server, _) = listener.accept().await?;
        let parser = SyncTask::with_stack_size(256 * 1024, move || report(Waiting(server)));
        connections.push((spawn_local(order(client, text)), spawn_local(parser)));
    }
    for (number, (client, parser)) in connections.into_iter().enumerate() {
        // A client is cut off where its server has stopped to listen.
        let _ = client.await?;
        println!("client {number}: {}", parser.await?);
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(LocalSet::new().run_until(exchange()))
}
