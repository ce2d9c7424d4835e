//! An echo server, to be measured from outside: see `benches/echo`.

use std::io::{Read, Write};

use tasklets::net::{Next, TcpListener, TcpStream, serve};
use tasklets::{run, spawn};

/// What a server is called on the command line, and how it serves a port for ever.
pub(crate) type Server = (&'static str, fn(u16));

pub(crate) const SERVERS: &[Server] = &[("echo-server", each_a_tasklet), ("echo-serve", each_served)];

fn listen(port: u16) -> TcpListener {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap_or_else(|error| panic!("port {port}: {error}"));
    println!("listening");
    listener
}

/// A tasklet for each connection.
fn each_a_tasklet(port: u16) {
    let listener = listen(port);
    spawn(move || {
        for stream in listener.incoming() {
            match stream {
                Ok(stream) => drop(spawn(move || echo(&stream))),
                Err(error) => eprintln!("a connection was not accepted: {error}"),
            }
        }
    })
    .detach();
    println!("{}", run());
}

fn echo(mut stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut buffer = [0; 512];
    while let Ok(got @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..got]).is_err() {
            break;
        }
    }
}

/// No stack for a connection that waits.
fn each_served(port: u16) {
    let served = serve(listen(port), |mut stream| {
        let mut buffer = [0; 512];
        match stream.read(&mut buffer)? {
            0 => Ok(Next::Close),
            got => stream.write_all(&buffer[..got]).map(|()| Next::Wait),
        }
    });
    println!("{served:?}");
}
