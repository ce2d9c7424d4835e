//! greenlet's test_generator.py and test_generator_nested.py.

use greenlet::{Generator, Greenlet, yield_, yield_to};

use crate::harness::{Count, check, go, raise, raised};

#[test]
fn test_generator() {
    check(|| {
        let pairs = |n: u32| {
            Generator::new(move || {
                for i in 0..n {
                    yield_(i).unwrap();
                    yield_(i).unwrap();
                }
            })
        };
        for _ in 0..3 {
            assert_eq!(pairs(5).collect::<Vec<u32>>(), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
        }
    });
}

/// The inner generator yields to the outer one's consumer, over the outer one's head.
#[test]
fn test_layered_genlets() {
    check(|| {
        let outer = Generator::<u32>::new(|| {
            let squares = Generator::<u32>::new(|| {
                for n in 1..=4_u32 {
                    yield_to(2, n * n).unwrap();
                    yield_(n).unwrap();
                }
            });
            let _ = squares.count();
        });
        assert_eq!(outer.collect::<Vec<_>>(), [1, 4, 9, 16]);

        let outer = Generator::<u32>::new(|| {
            let numbers = Generator::<u32>::new(|| (1..=4_u32).for_each(|n| yield_(n).unwrap()));
            for n in numbers {
                yield_(n).unwrap();
                yield_(n * n).unwrap();
            }
        });
        assert_eq!(outer.collect::<Vec<_>>(), [1, 1, 2, 4, 3, 9, 4, 16]);
    });
}

fn permutations(n: usize) -> Generator<Vec<usize>> {
    Generator::new(move || {
        if n == 0 {
            return yield_(Vec::<usize>::new()).unwrap();
        }
        for shorter in permutations(n - 1) {
            for at in 0..n {
                let mut longer = shorter.clone();
                longer.insert(at, n);
                yield_(longer).unwrap();
            }
        }
    })
}

#[test]
fn test_permutations() {
    check(|| {
        let four: Vec<_> = permutations(4).collect();
        assert_eq!(four.len(), 24);
        let distinct: std::collections::BTreeSet<_> = four.iter().collect();
        assert_eq!(distinct.len(), 24);
        let zipped: Vec<_> = permutations(4).zip(permutations(3)).collect();
        assert_eq!(zipped.len(), 6);
        assert_eq!(zipped[0], (vec![4, 3, 2, 1], vec![3, 2, 1]));
        assert_eq!(zipped[5].1, [1, 2, 3]);
    });
}

#[test]
fn test_genlet_simple() {
    check(|| {
        let nested = || {
            Generator::new(|| {
                for n in 0..5 {
                    yield_(n + 1).unwrap();
                    yield_(n).unwrap();
                }
            })
        };
        for _ in 0..3 {
            assert_eq!(nested().collect::<Vec<i32>>(), [1, 0, 2, 1, 3, 2, 4, 3, 5, 4]);
        }
    });
}

#[test]
fn test_genlet_bad() {
    check(|| {
        let error = yield_(7).unwrap_err();
        assert_eq!(error.value, 7);
        assert_eq!(error.to_string(), "cannot yield: there are not 1 generators around the caller");
        // A greenlet that is no generator's body has none around it, whoever made it.
        let outer = Generator::<i32>::new(|| {
            let plain = Greenlet::new(|()| assert!(yield_(1).is_err()));
            go(&plain, ());
            assert!(yield_to(2, 1).is_err());
            assert_eq!(yield_("another type").unwrap_err().value, "another type");
            yield_(3).unwrap();
        });
        assert_eq!(outer.collect::<Vec<_>>(), [3]);
    });
}

#[test]
fn test_nested_genlets() {
    fn nest(depth: u32) -> Generator<u32> {
        Generator::new(move || {
            yield_(depth).unwrap();
            if depth < 5 {
                nest(depth + 1).for_each(|n| yield_(n).unwrap());
            }
        })
    }
    check(|| assert_eq!(nest(0).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]));
}

/// What a body panics with reaches who asks, whichever greenlet that is; a generator that is dropped unwinds its body.
#[test]
fn ends_of_generators() {
    check(|| {
        let mut fails = Generator::<i32>::new(|| {
            yield_(1).unwrap();
            raise("body")
        });
        assert_eq!(fails.next(), Some(1));
        let asker = Greenlet::new(move |_: i32| {
            assert_eq!(raised::<&str, _>(|| fails.next()), "body");
            assert_eq!(fails.next(), None);
            5
        });
        assert_eq!(go(&asker, 0), 5);

        let unwound = Count::default();
        let guard = unwound.guard();
        let mut dropped = Generator::new(move || {
            let _guard = guard;
            (0..100).for_each(|n| yield_(n).unwrap());
        });
        assert_eq!(dropped.by_ref().take(3).collect::<Vec<i32>>(), [0, 1, 2]);
        drop(dropped);
        assert_eq!(unwound.get(), 1);
    });
}
