//! What the examples print. The one that counts words is tested in `wordcount.rs`.

mod common;
#[path = "common/example.rs"]
mod example;

use common::scale;
use example::{command, output, text};

/// Runs an example that succeeds: what it prints.
fn run(name: &str, arguments: &[&str]) -> String {
    let output = output(command(name).args(arguments));
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{name} failed: {}\n{out}{err}", output.status);
    out
}

/// Compares texts after the first line break, which is there so that the expected one begins at the margin.
#[track_caller]
fn expect(printed: &str, expected: &str) {
    let expected = expected.strip_prefix('\n').expect("the text begins on the next line");
    assert!(printed == expected, "printed:\n{printed}\nexpected:\n{expected}");
}

#[test]
fn hello() {
    expect(
        &run("hello", &[]),
        "
hello ada
hello grace
all 2 tasklets finished
",
    );
}

#[test]
fn bank() {
    let printed = run("bank", &[]);
    assert!(
        printed.starts_with("10000 transfers, ") && printed.ends_with(" asked again: the total is 800\n"),
        "{printed}"
    );
    assert!(!printed.contains(" 0 failures"), "{printed}");
}

#[test]
fn chatroom() {
    expect(
        &run("chatroom", &[]),
        "
[ada] grace enters
[ada] alan enters
[ada] ada: hello
[ada] grace: bye alan
[grace] alan enters
[grace] ada: hello
[grace] grace: bye alan
[alan] ada: hello
[alan] grace: bye alan
alan has ended: it panicked: thrown out
[ada] alan is gone: it panicked: thrown out
[ada] ada: who was that?
[grace] alan is gone: it panicked: thrown out
[grace] ada: who was that?
all 3 tasklets finished
",
    );
}

#[test]
fn philosophers() {
    let printed = run("philosophers", &[]);
    assert_eq!(printed.matches(" eats\n").count(), 15, "{printed}");
    assert_eq!(printed.matches(" is full\n").count(), 5, "{printed}");
    assert!(printed.ends_with("all 10 tasklets finished\n"), "{printed}");
}

#[test]
fn pingpong() {
    expect(
        &run("pingpong", &[]),
        "
     1 ping
     2 pong
     3 ping
     4 pong
     5 ping
     6 pong
100000 pong
all 2 tasklets finished
",
    );
}

#[test]
fn hackysack() {
    expect(
        &run("hackysack", &[]),
        "
1000 players, 621 had the sack, 1000 kicks: all 1000 tasklets finished
",
    );
    expect(
        &run("hackysack", &["2", "5"]),
        "
2 players, 2 had the sack, 5 kicks: all 2 tasklets finished
",
    );
}

#[test]
fn hackysack_with_ten_thousand_players() {
    let players = scale(10_000).max(2);
    let printed = run("hackysack", &[&players.to_string(), "20000"]);
    let begin = format!("{players} players, ");
    let end = format!(" had the sack, 20000 kicks: all {players} tasklets finished\n");
    let played = printed.strip_prefix(&begin).and_then(|rest| rest.strip_suffix(&end));
    let played: usize = played.unwrap_or_else(|| panic!("printed: {printed}")).parse().expect("a number of players");
    assert!(played * 4 > players * 3, "the sack hardly went around: {printed}");
}

#[test]
fn hackysack_needs_two_players() {
    let output = output(command("hackysack").arg("1"));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(output.stderr).contains("invalid value '1' for '[PLAYERS]'"));
}

#[test]
fn generators() {
    expect(
        &run("generators", &[]),
        "
tree walk: greenlet
permutations: abc acb bac bca cab cba
over its head: HELLO! 42 WORLD! 7
",
    );
}

#[test]
fn circuit() {
    expect(
        &run("circuit", &[]),
        "
a b c | carry sum
0 0 0 |     0   0
0 0 1 |     0   1
0 1 0 |     0   1
0 1 1 |     1   0
1 0 0 |     0   1
1 0 1 |     1   0
1 1 0 |     1   0
1 1 1 |     1   1
",
    );
}

#[test]
fn collatz() {
    assert_eq!(run("collatz", &[]), "871 takes 178 steps\n");
}

#[test]
fn sieve() {
    let is_prime = |n: &u32| (2..*n).all(|divisor| !n.is_multiple_of(divisor));
    let primes: Vec<u32> = (2..).filter(is_prime).take(100).collect();
    let line = |primes: &[u32]| primes.iter().map(|prime| format!("{prime:>5}")).chain(["\n".to_owned()]).collect();
    let expected: Vec<String> = primes.chunks(10).map(line).collect();
    assert_eq!(run("sieve", &[]), expected.concat());
}

#[test]
fn robots() {
    expect(
        &run("robots", &[]),
        "
tick 1
  ................
  ...A...B.C......
  ................
tick 2
  ................
  ....A.B.........
  .........C......
tick 3
  .........C......
  .....A..........
  .........*......
tick 4
  ................
  ....A.B..C......
  .........*......
tick 5
  C explodes
  ................
  ...A...B........
  ................
tick 6
  ................
  ..A.....B.......
  ................
tick 7
  ................
  .A.......B......
  ................
tick 8
  ................
  A.........B.....
  ................
tick 9
  ................
  ...........B...A
  ................
tick 10
  ................
  ............B.A.
  ................
tick 11
  A falls apart
  ................
  .............B..
  ................
tick 12
  ................
  ..............B.
  ................
  B goes home
all 4 tasklets finished
",
    );
}

#[test]
fn robots_on_several_threads_play_the_same_game() {
    let (alone, threads) = (run("robots", &[]), run("robots_threads", &[]));
    let game = alone.strip_suffix("all 4 tasklets finished\n");
    assert_eq!(threads.strip_suffix("the world has ended: it has come to its end\n"), game);
    assert!(game.is_some());
}

#[test]
fn gameloop() {
    expect(
        &run("gameloop", &[]),
        "
 1 s....................... level  12 % out of budget
 2 s@...................... level  25 % out of budget
 3 sr@..................... level  37 % out of budget
 4 .s.@.................... level  50 % out of budget
 5 .sr.@................... level  62 % out of budget
 6 .sr..@.................. level  75 % out of budget
 7 ..sr..@................. level  87 % out of budget
 8 ..sr...@................ level 100 % out of budget
 9 ..s.r...@............... level 100 % time to spare
10 ...sr....@.............. level 100 % time to spare
11 ...s.r....@............. level 100 % time to spare
12 ...s.r.....@............ level 100 % time to spare
",
    );
}

#[test]
fn userchannel() {
    let printed = run("userchannel", &[]);
    expect(
        &printed,
        "
real: x?1 x?1 x?1 a!1 a!2 b!1 c!1 y?2 y?3 y?2 a!3 c!2; all 5 tasklets finished
user: x?1 x?1 x?1 a!1 a!2 b!1 c!1 y?2 y?3 y?2 a!3 c!2; all 5 tasklets finished
",
    );
}

#[test]
fn sync_parser() {
    expect(
        &run("sync_parser", &[]),
        "
client 0: 2 orders for 7
client 1: 50 orders for 50
client 2: 1 orders for 10, and then: expected value at line 1 column 39
",
    );
}

#[cfg(unix)]
#[test]
fn http_client() {
    expect(
        &run("http_client", &[]),
        "
/square/2 is 200 OK: 4
/square/30 is 200 OK: 900
/square/400 is 200 OK: 160000
/round/5 is 404 Not Found: there is no /round/5
/square/x is 404 Not Found: there is no /square/x
",
    );
}

#[cfg(unix)]
#[test]
fn parallel() {
    use std::io::Write;
    use std::process::Stdio;

    let mut child = command("parallel").arg("3").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"sleep 0.1; echo one\necho two\nexit 3\nprintf '4\\n4\\n'\necho five").expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    expect(
        &text(output.stdout),
        "
one
two
`exit 3`: exit status: 3
4
4
five
",
    );
    assert!(output.status.success());
}
