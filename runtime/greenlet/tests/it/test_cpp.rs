//! greenlet's test_cpp.py: native exceptions, which are panics here.

use greenlet::Greenlet;

use crate::harness::{Count, check, go, raise, raised, to_main};

/// Each of several interleaved greenlets catches its own panic.
#[test]
fn test_exception_switch() {
    check(|| {
        let greenlets: Vec<Greenlet<usize>> = (0..4_usize)
            .map(|n| {
                Greenlet::new(move |_| {
                    raised::<usize, _>(|| {
                        to_main(0_usize);
                        raise(n)
                    })
                })
            })
            .collect();
        greenlets.iter().for_each(|g| assert_eq!(go(g, 0), 0));
        let caught: Vec<usize> = greenlets.iter().map(|g| go(g, 0)).collect();
        assert_eq!(caught, [0, 1, 2, 3]);
    });
}

/// A panic that nothing catches reaches main, and not the system: the payload is kept.
#[test]
fn test_unhandled_exception_in_greenlet() {
    check(|| {
        let g = Greenlet::new(|()| raise(String::from("kept")));
        assert_eq!(raised::<String, _>(|| g.switch(())), "kept");
        assert!(g.is_dead());
    });
}

#[test]
fn test_leak_test_exception_switch_and_do_in_g2() {
    check(|| {
        let dropped = Count::default();
        let (one, two) = (dropped.guard(), dropped.guard());
        let g2 = Greenlet::new(move |()| {
            let _two = two;
            raise("python");
        });
        let g1 = Greenlet::new(move |()| {
            let _one = one;
            raised::<&str, _>(|| {
                to_main(());
                raise("native")
            });
        });
        go(&g1, ());
        assert_eq!(raised::<&str, _>(|| g2.switch(())), "python");
        go(&g1, ());
        drop((g1, g2));
        assert_eq!(dropped.get(), 2);
    });
}
