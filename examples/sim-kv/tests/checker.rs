//! The checker, by histories that are known to be good or bad, and by comparison with one that tries all orders.

use sim_kv::command::{Found, Op};
use sim_kv::history::Operation;
use sim_kv::linearizable::check;
use std::hash::{BuildHasher, RandomState};

fn get(key: &str) -> Op {
    Op::Get { key: key.into() }
}

fn put(value: &str) -> Op {
    Op::Put { key: "tea".into(), value: value.into() }
}

fn cas(old: Option<&str>, new: &str) -> Op {
    Op::Cas { key: "tea".into(), old: old.map(str::to_owned), new: new.into() }
}

/// An operation that was answered.
fn known(invoked: u64, returned: u64, op: Op, found: Option<&str>) -> Operation {
    Operation { client: 1, op, invoked, returned: Some((returned, found.map(str::to_owned))) }
}

fn unknown(invoked: u64, op: Op) -> Operation {
    Operation { client: 1, op, invoked, returned: None }
}

#[track_caller]
fn good(history: &[Operation]) {
    assert!(check(history).is_ok(), "{}", check(history).unwrap_err());
}

#[track_caller]
fn bad(history: &[Operation]) {
    assert!(check(history).is_err());
}

#[test]
fn one_after_the_other() {
    good(&[]);
    good(&[known(1, 2, get("tea"), None)]);
    good(&[
        known(1, 2, put("hot"), None),
        known(3, 4, get("tea"), Some("hot")),
        known(5, 6, cas(Some("hot"), "cold"), Some("hot")),
        known(7, 8, cas(Some("hot"), "warm"), Some("cold")),
        known(9, 10, get("tea"), Some("cold")),
    ]);
    bad(&[known(1, 2, get("tea"), Some("hot"))]);
    bad(&[known(1, 2, put("hot"), None), known(3, 4, get("tea"), None)]);
}

#[test]
fn a_read_at_the_same_time_as_a_write_finds_either_value() {
    for found in [None, Some("hot")] {
        good(&[known(1, 4, put("hot"), None), known(2, 3, get("tea"), found)]);
    }
    bad(&[known(1, 4, put("hot"), None), known(2, 3, get("tea"), Some("cold"))]);
}

#[test]
fn a_value_that_was_seen_does_not_go_back() {
    let write = known(1, 10, put("hot"), None);
    good(&[write.clone(), known(2, 3, get("tea"), None), known(4, 5, get("tea"), Some("hot"))]);
    bad(&[write, known(2, 3, get("tea"), Some("hot")), known(4, 5, get("tea"), None)]);
}

#[test]
fn a_write_that_was_answered_is_not_lost() {
    let history = [known(1, 2, put("hot"), None), known(3, 4, put("cold"), None)];
    good(&[&history[..], &[known(5, 6, get("tea"), Some("cold"))]].concat());
    bad(&[&history[..], &[known(5, 6, get("tea"), Some("hot"))]].concat());
}

#[test]
fn of_two_swaps_from_the_same_value_one_succeeds() {
    good(&[known(1, 4, cas(None, "hot"), None), known(2, 3, cas(None, "cold"), Some("hot"))]);
    bad(&[known(1, 4, cas(None, "hot"), None), known(2, 3, cas(None, "cold"), None)]);
}

#[test]
fn a_swap_that_was_executed_twice_finds_its_own_value() {
    bad(&[known(1, 2, put("hot"), None), known(3, 4, cas(Some("hot"), "cold"), Some("cold"))]);
}

#[test]
fn an_unknown_operation_happens_late_or_never_but_not_early_or_twice() {
    let history = [unknown(1, put("hot")), known(2, 3, put("cold"), None)];
    good(&[&history[..], &[known(4, 5, get("tea"), Some("cold"))]].concat());
    good(&[&history[..], &[known(4, 5, get("tea"), Some("hot"))]].concat());
    let late = [known(4, 5, get("tea"), Some("cold")), known(6, 7, get("tea"), Some("hot"))];
    good(&[&history[..], &late].concat());
    bad(&[&history[..], &late, &[known(8, 9, get("tea"), Some("cold"))]].concat());
    bad(&[known(1, 2, get("tea"), Some("hot")), unknown(3, put("hot"))]);
    let twice = [known(4, 5, get("tea"), Some("hot")), known(6, 7, put("new"), None)];
    bad(&[&history[..], &twice, &[known(8, 9, get("tea"), Some("hot"))]].concat());
}

#[test]
fn an_unknown_swap_may_follow_an_unknown_write() {
    let history = [unknown(1, put("hot")), unknown(2, cas(Some("hot"), "cold"))];
    good(&[&history[..], &[known(3, 4, get("tea"), Some("cold"))]].concat());
    bad(&[&history[1..], &[known(3, 4, get("tea"), Some("cold"))]].concat());
}

#[test]
fn keys_are_independent() {
    let coffee = Op::Put { key: "coffee".into(), value: "black".into() };
    good(&[known(1, 2, coffee.clone(), None), known(3, 4, get("tea"), None)]);
    bad(&[known(1, 2, coffee, None), known(3, 4, get("coffee"), None)]);
}

#[test]
fn a_violation_tells_the_first_wrong_answer() {
    let history = [
        known(1, 2, put("hot"), None),
        known(3, 8, put("cold"), None),
        known(4, 5, get("tea"), Some("hot")),
        known(6, 7, get("tea"), None),
        known(9, 10, get("tea"), Some("nonsense")),
    ];
    let violation = check(&history).unwrap_err();
    assert_eq!(violation.wrong, 3);
    assert_eq!(violation.operations[0], history[0]);
    assert_eq!(violation.operations[1], unknown(3, put("cold")));
    assert_eq!(violation.operations[2..], history[2..4]);
    assert!(violation.to_string().contains("get tea found -  (6..7)"), "{violation}");
}

#[test]
fn random_histories_are_judged_as_by_trying_all_orders() {
    let (mut random, mut counts) = (Random::new(), [0, 0]);
    for _ in 0..20_000 {
        let history = random.history();
        let expected = has_order(&mut history.iter().collect(), None);
        assert_eq!(check(&history).is_ok(), expected, "{history:#?}");
        counts[usize::from(expected)] += 1;
    }
    assert!(counts.iter().all(|count| *count > 1_000), "one verdict is too rare: {counts:?}");
}

/// A thousand operations on one key, by ten clients, of which one in twenty has an unknown outcome. A search without
/// memory, or one that tries the unknown ones everywhere, does not end in a lifetime.
#[test]
fn a_long_history_takes_a_short_time() {
    let mut random = Random::new();
    let (mut value, mut history): (Found, _) = (None, Vec::new());
    for n in 0..1_000 {
        let start = n * 10 + random.below(100);
        let (op, found) = match random.below(3) {
            0 => (get("tea"), value.clone()),
            1 => (put(&n.to_string()), None),
            _ => {
                let old = if random.below(2) == 0 { value.clone() } else { Some("none".into()) };
                (cas(old.as_deref(), &n.to_string()), value.clone())
            }
        };
        match &op {
            Op::Put { value: new, .. } => value = Some(new.clone()),
            Op::Cas { old, new, .. } if *old == value => value = Some(new.clone()),
            _ => {}
        }
        // It has taken effect at n * 10 + 100, which is within its time.
        let end = n * 10 + 101 + random.below(100);
        history.push(match random.below(20) {
            0 => unknown(start, op),
            _ => known(start, end, op, found.as_deref()),
        });
    }
    good(&history);
    history.push(known(20_000, 20_001, get("tea"), Some("never")));
    bad(&history);
}

/// Tries all orders, with the unknown operations and without them.
fn has_order(rest: &mut Vec<&Operation>, value: Option<&str>) -> bool {
    if rest.iter().all(|operation| operation.returned.is_none()) {
        return true;
    }
    let deadline = rest.iter().filter_map(|operation| Some(operation.returned.as_ref()?.0)).min().unwrap();
    (0..rest.len()).filter(|at| rest[*at].invoked < deadline).collect::<Vec<_>>().into_iter().any(|at| {
        let operation = rest.remove(at);
        let found = operation.returned.as_ref().map(|(_, found)| found.as_deref());
        let (fits, next) = match &operation.op {
            Op::Get { .. } => (found.is_none_or(|found| found == value), value),
            Op::Put { value, .. } => (true, Some(value.as_str())),
            Op::Cas { old, new, .. } => {
                let next = if old.as_deref() == value { Some(new.as_str()) } else { value };
                (found.is_none_or(|found| found == value), next)
            }
        };
        let has_order = fits && has_order(rest, next);
        rest.insert(at, operation);
        has_order
    })
}

struct Random(u64);

impl Random {
    /// The seed is printed with a failure, and may be put here.
    fn new() -> Random {
        let seed = RandomState::new().hash_one(0);
        println!("seed {seed}");
        Random(seed)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % limit
    }

    fn value(&mut self) -> Found {
        [None, Some("a".to_owned()), Some("b".to_owned())][self.below(3) as usize].clone()
    }

    /// Up to six operations of one key, at times that differ.
    fn history(&mut self) -> Vec<Operation> {
        let count = 1 + self.below(6);
        (0..count)
            .map(|at| {
                let (value, found) = (self.value(), self.value());
                let new = ["a", "b", "c"][self.below(3) as usize];
                let op = [get("tea"), put(new), cas(value.as_deref(), new)][self.below(3) as usize].clone();
                let found = if let Op::Put { .. } = op { None } else { found };
                let invoked = self.below(10) * 100 + at;
                let returned = invoked + (1 + self.below(5)) * 100 + 10;
                match self.below(4) {
                    0 => unknown(invoked, op),
                    _ => known(invoked, returned, op, found.as_deref()),
                }
            })
            .collect()
    }
}
