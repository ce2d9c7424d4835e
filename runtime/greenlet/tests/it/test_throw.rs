//! greenlet's test_throw.py.

use greenlet::{Builder, Greenlet, GreenletExit, Received};

use crate::harness::{check, exit_of, go, raise, raised, to_main};

#[derive(Debug, PartialEq)]
struct RuntimeError(&'static str);

fn catcher() -> Greenlet<&'static str> {
    Greenlet::new(|_| {
        raised::<RuntimeError, _>(|| to_main("waiting"));
        "ok"
    })
}

#[test]
fn test_class() {
    check(|| {
        let g = catcher();
        go(&g, "");
        assert_eq!(g.throw(RuntimeError("")).unwrap(), Received::Value("ok"));
    });
}

#[test]
fn test_val() {
    check(|| {
        for boxed in [false, true] {
            let g = Greenlet::new(|_| raised::<RuntimeError, _>(|| to_main("waiting")).0);
            go(&g, "");
            let res = if boxed { g.throw_boxed(Box::new(RuntimeError("ciao"))) } else { g.throw(RuntimeError("ciao")) };
            assert_eq!(res.unwrap(), Received::Value("ciao"));
        }
    });
}

#[test]
fn test_kill() {
    check(|| {
        let g = Greenlet::new(|_| {
            to_main(1);
            raise("never")
        });
        go(&g, 0);
        assert_eq!(g.kill().unwrap(), Received::Exit(GreenletExit::default()));
        assert!(g.is_dead());
        assert_eq!(g.kill().unwrap(), Received::Exit(GreenletExit::default()));
        assert_eq!(g.throw(GreenletExit::new("why")).unwrap(), Received::Exit(GreenletExit::new("why")));
    });
}

/// Waits, and says what it caught.
fn parent() -> Greenlet<&'static str> {
    Greenlet::new(|_| match raised::<RuntimeError, _>(|| to_main("parent waits")).0 {
        "index" => "caught",
        other => other,
    })
}

#[test]
fn test_throw_goes_to_original_parent() {
    check(|| {
        // Both unstarted.
        let (p, c) = (parent(), catcher());
        c.set_parent(&p).unwrap();
        assert_eq!(raised::<RuntimeError, _>(|| c.throw(RuntimeError("index"))), RuntimeError("index"));
        assert!(p.is_dead() && c.is_dead());
        // The parent suspended, the child unstarted.
        let (p, c) = (parent(), catcher());
        c.set_parent(&p).unwrap();
        go(&p, "");
        assert_eq!(c.throw(RuntimeError("index")).unwrap(), Received::Value("caught"));
        assert!(p.is_dead() && c.is_dead());
        // Both suspended.
        let p = parent();
        let c = Builder::new().parent(&p).build(to_main);
        go(&c, "");
        go(&p, "");
        assert_eq!(c.throw(RuntimeError("index")).unwrap(), Received::Value("caught"));
        assert!(p.is_dead() && c.is_dead());
    });
}

/// Section 1.6: thrown into the running greenlet, it is raised at once.
#[test]
fn the_current_greenlet_is_thrown_into_at_once() {
    check(|| {
        let main = greenlet::main::<()>();
        assert_eq!(raised::<RuntimeError, _>(|| main.throw(RuntimeError("here"))), RuntimeError("here"));
        assert_eq!(exit_of(|| main.kill()).unwrap_err(), GreenletExit::default());
    });
}
