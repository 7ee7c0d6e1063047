//! What came before changes no answer: the shapes a mapper remembers of earlier records only save
//! time.
#![allow(clippy::unwrap_used)] // Helpers of tests.

mod support;

use capillary_xdm::Mapper;
use serde_json::{Value, json};
use support::{answer_text, mapper, samples};

const PARAMS: [&[(&str, &str)]; 2] = [
    &[
        ("events", "all"),
        ("tenant", "acme"),
        ("time-zone", "+05:30"),
    ],
    &[
        ("events", "all"),
        ("tenant", "acme"),
        (
            "omit-fields",
            "_acme.capillary.points,_acme.capillary.store,commerce.order,loyalty.tier",
        ),
        ("qualify-identity", "true"),
    ],
];

/// Holds what a mapper answers that has seen much against the answer of one that has seen nothing.
struct History {
    params: &'static [(&'static str, &'static str)],
    mapper: Mapper,
}

impl History {
    fn all() -> Vec<Self> {
        let history = |params| Self {
            params,
            mapper: mapper(params),
        };
        PARAMS.into_iter().map(history).collect()
    }

    fn check(&mut self, raw: &[u8]) -> String {
        let expected = answer_text(&mut mapper(self.params), raw);
        let answer = answer_text(&mut self.mapper, raw);
        assert_eq!(answer, expected, "{}", String::from_utf8_lossy(raw));
        answer
    }
}

/// The event's name in front, where the mapper knows the kind before it reads on, or last.
fn written(event: &Value, name_first: bool) -> String {
    let mut members: Vec<_> = event.as_object().unwrap().iter().collect();
    members.sort_by_key(|(key, _)| (*key == "eventName") != name_first);
    let member = |(key, value): &(&String, &Value)| format!("{}:{value}", json!(key));
    format!(
        "{{{}}}",
        members.iter().map(member).collect::<Vec<_>>().join(",")
    )
}

/// Puts other values in the place of some; most of the same type, so that the shape stays.
fn vary(value: &mut Value, random: &mut fastrand::Rng) {
    match value {
        Value::Object(members) => members.values_mut().for_each(|value| vary(value, random)),
        Value::Array(items) => {
            items.iter_mut().for_each(|value| vary(value, random));
            if random.u8(..40) == 0 {
                items.extend(items.first().cloned());
            }
        }
        _ if random.u8(..3) > 0 => {}
        _ if random.u8(..30) == 0 => *value = other(random),
        Value::String(text) => *text = string(text, random),
        Value::Number(_) => *value = number(random),
        Value::Bool(_) => *value = json!(random.bool()),
        Value::Null => {}
    }
}

fn string(before: &str, random: &mut fastrand::Rng) -> String {
    let long = "x".repeat(random.usize(..90));
    let texts = [
        "",
        " ",
        "null",
        "-1",
        "0",
        "n",
        "none",
        "é",
        "Zoë ",
        "a\"b",
        "a\\b\n",
        "NORMAL",
        "deleted",
        "USER",
        "GROUP",
        "REGULAR",
        "RETURN",
        "12.50",
        "1e3",
        "2026-11-24",
        "2199-12-31",
        "1763978400000",
        "1763978400",
        "true",
        "a.b@c.example",
        "A.B@C.example",
        "+919000000001",
        "91 9000 000 001",
        "thirty-one letters, to the mark",
        "thirty-two letters to the mark!!",
    ];
    match random.u8(..8) {
        0 => long,
        1..4 => (*random.choice(&texts).unwrap()).to_owned(),
        _ => before
            .chars()
            .map(|c| match c {
                '0'..='9' => char::from(b'0' + random.u8(..10)),
                'a'..='z' if random.u8(..20) == 0 => char::from(b'a' + random.u8(..26)),
                c => c,
            })
            .collect(),
    }
}

fn number(random: &mut fastrand::Rng) -> Value {
    match random.u8(..9) {
        0 => json!(0),
        1 => json!(-1),
        2 => json!(random.u8(..)),
        3 => json!(random.u64(1_700_000_000_000..1_800_000_000_000)),
        4 => json!(random.u64(1_700_000_000..1_800_000_000)),
        5 => json!(f64::from(random.u16(..)) / 100.0),
        6 => json!(random.u64(..)),
        7 => json!(random.f64() * 1e-9),
        _ => json!(random.u32(..)),
    }
}

fn other(random: &mut fastrand::Rng) -> Value {
    random
        .choice([
            json!(null),
            json!("a text"),
            json!(7),
            json!(true),
            json!({}),
            json!([]),
            json!({"id": 3}),
        ])
        .unwrap()
}

#[test]
fn events_of_a_known_shape_are_answered_as_if_first() {
    let mut random = fastrand::Rng::with_seed(26);
    let mut histories = History::all();
    for (_, raw) in samples() {
        let Ok(event) = serde_json::from_slice::<Value>(&raw) else {
            continue;
        };
        for round in 0..60 {
            let mut event = event.clone();
            vary(&mut event, &mut random);
            let text = written(&event, round % 4 != 0);
            for history in &mut histories {
                history.check(text.as_bytes());
            }
        }
    }
}
