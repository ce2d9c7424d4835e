//! May, with one worker.

use std::io::{self, Read, Write};

use may::net::{TcpListener, TcpStream};

pub(crate) fn serve(port: u16) -> io::Result<()> {
    may::config().set_workers(1);
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("listening");
    loop {
        let (stream, _) = listener.accept()?;
        may::go!(move || echo(stream));
    }
}

fn echo(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut buffer = [0; 512];
    while let Ok(got @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..got]).is_err() {
            break;
        }
    }
}
