//! Tasklets that call an HTTP client which is built on tokio.
//!
//! tokio's runtime has a thread of its own beside this one. A tasklet gives it the request as a task, and waits for that: it is the only
//! one that waits. The server, which is to have something to ask, is made of tasklets of this thread.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tasklets::net::{TcpListener, TcpStream};
use tasklets::sync::Barrier;
use tasklets::{block_on, spawn};

/// So many requests at once.
const REQUESTS: usize = 5;

type HttpClient = Client<HttpConnector, Empty<&'static [u8]>>;

/// Answers what is asked on a connection; but not before as many others have asked.
fn serve(stream: TcpStream, all_there: &Barrier) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while let Some(request) = lines.next().transpose()? {
        while lines.next().transpose()?.is_some_and(|header| !header.is_empty()) {}
        all_there.wait().map_err(io::Error::other)?;
        let path = request.split(' ').nth(1).unwrap_or_default();
        let (status, text) = match path.strip_prefix("/square/").map(str::parse::<u32>) {
            Some(Ok(number)) => ("200 OK", (number * number).to_string()),
            _ => ("404 Not Found", format!("there is no {path}")),
        };
        write!(&stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{text}", text.len())?;
    }
    Ok(())
}

/// Fetches a page. It reads as if it blocked.
fn get(tokio: &tokio::runtime::Handle, client: &HttpClient, url: &str) -> Result<String, Box<dyn Error + Send + Sync>> {
    let (client, url) = (client.clone(), url.parse()?);
    let task = tokio.spawn(async move {
        let response = client.get(url).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok::<_, Box<dyn Error + Send + Sync>>((status, body))
    });
    let (status, body) = block_on(task)???;
    Ok(format!("{status}: {}", String::from_utf8_lossy(&body)))
}

fn main() -> Result<(), Box<dyn Error>> {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let client: HttpClient = Client::builder(TokioExecutor::new()).build_http();

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let all_there = Arc::new(Barrier::new(REQUESTS));
    let server = spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let all_there = all_there.clone();
            spawn(move || serve(stream, &all_there)).detach();
        }
    });

    let paths = ["/square/2", "/square/30", "/square/400", "/round/5", "/square/x"];
    let requests: Vec<_> = paths
        .map(|path| {
            let (tokio, client) = (tokio.handle().clone(), client.clone());
            spawn(move || get(&tokio, &client, &format!("http://{address}{path}")))
        })
        .into_iter()
        .collect();
    for (path, request) in paths.iter().zip(requests) {
        println!("{path} is {}", request.join()?.map_err(|error| error.to_string())?);
    }
    server.kill()?;
    Ok(())
}
