//! The load client, on the file server.

use crate::common::scale;
use crate::example::{command, output, text};
use crate::programs::child::{Server, unwatched};

#[test]
fn as_many_requests_as_were_to_be_sent_are_answered() {
    if unwatched() {
        return;
    }
    let server = Server::start("files", &["--listen", "127.0.0.1:0", "docs"]);
    let url = format!("http://{}/TESTING.md", server.address);
    let requests = scale(500);
    let count = requests.to_string();
    let output = output(command("load").args([&url, "-c", "8", "-n", &count, "-s", "600", "--slow", "20"]));
    let said = text(output.stdout);
    assert!(output.status.success(), "{said}{}", text(output.stderr));
    let length = std::fs::read("docs/TESTING.md").unwrap().len();
    assert!(said.starts_with(&format!("{requests} requests in ")), "{said}");
    assert!(said.contains(" 0 refused, 0 errors\n") && said.contains("latency in ms:  50 % "), "{said}");
    let megabytes: f64 = said.split(" MB, ").next().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(megabytes > (requests * length) as f64 / 1e6 - 0.1, "{said}");
    server.end();
}

#[test]
fn what_goes_wrong_is_told() {
    if unwatched() {
        return;
    }
    let server = Server::start("files", &["--listen", "127.0.0.1:0", "docs"]);
    let address = server.address;
    let output_of = |arguments: &[&str]| {
        let output = output(command("load").args(arguments));
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, said, _) = output_of(&[&format!("http://{address}/nothing"), "-c", "1", "-n", "3"]);
    assert_eq!(code, Some(1));
    assert!(said.contains(" 3 refused, 0 errors"), "{said}");
    server.end();
    // Nobody listens there any more.
    let (code, said, _) = output_of(&[&format!("http://{address}/"), "-c", "2", "-n", "3"]);
    assert_eq!(code, Some(1));
    assert!(said.starts_with("0 requests in ") && said.contains("first error: "), "{said}");
    let (code, _, complaint) = output_of(&["gopher://here/"]);
    assert_eq!(code, Some(2));
    assert!(complaint.contains("it does not begin with http://"), "{complaint}");
}
