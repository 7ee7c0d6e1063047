//! The reader and the writers against the RFCs and against `serde_json`.

use super::*;
use crate::catalog::key::Key;
use crate::output::buffer::OutBuf;

fn canonical(text: &str) -> String {
    let mut tape = Tape::default();
    let document = tape.parse(text).unwrap();
    let mut out = OutBuf::default();
    write_canonical(&mut out, document.root(), &[]);
    written(&out)
}

fn written(out: &OutBuf) -> String {
    String::from_utf8(out.written().to_vec()).unwrap()
}

fn fault(text: &str) -> Option<Fault> {
    Tape::default().parse(text).err()
}

#[test]
fn grammar_is_that_of_rfc_8259() {
    for good in [
        "null",
        " [ ] ",
        "{}",
        "-0",
        "0.5",
        "1e5",
        "[1,2]",
        r#"{"a":[true,false,null]}"#,
        "\"\\u00e9\"",
    ] {
        assert_eq!(fault(good), None, "{good}");
        assert!(serde_json::from_str::<serde_json::Value>(good).is_ok());
    }
    for bad in [
        "",
        " ",
        "nul",
        "01",
        "-",
        "1.",
        ".5",
        "+1",
        "1e",
        "NaN",
        "Infinity",
        "[1,]",
        "[1 2]",
        "{\"a\"}",
        "{a:1}",
        "{\"a\":1,}",
        "\"\u{1}\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"open",
        "[",
        "{} {}",
        "'a'",
        "\"a\"b",
        "\u{feff}{}",
    ] {
        assert!(matches!(fault(bad), Some(Fault::Syntax(_))), "{bad}");
        assert!(serde_json::from_str::<serde_json::Value>(bad).is_err());
    }
}

#[test]
fn document_nested_too_deep_is_refused_without_stack_overflow() {
    assert_eq!(fault(&"[".repeat(5_000_000)), Some(Fault::TooDeep));
    assert_eq!(fault(&"{\"a\":".repeat(1_000_000)), Some(Fault::TooDeep));
    assert_eq!(
        fault(&format!("{}{}", "[".repeat(64), "]".repeat(64))),
        None
    );
}

#[test]
fn document_of_too_many_values_is_refused() {
    assert_eq!(
        fault(&format!("[{}0]", "0,".repeat(300_000))),
        Some(Fault::TooMany)
    );
}

#[test]
fn repeated_key_counts_with_its_last_value() {
    let mut tape = Tape::default();
    let document = tape
        .parse(r#"{"key":1,"\u006bey":{"b":2},"Key":3,"value":4}"#)
        .unwrap();
    let mut slots = Slots::default();
    let members = slots.fill(document.root());
    for found in [document.root().get(Key::OfPair), members.get(Key::OfPair)] {
        let inside: Vec<&str> = found.unwrap().members().map(Value::raw).collect();
        assert_eq!(inside, ["2"]);
    }
    assert_eq!(canonical(r#"{"b":1,"a":1,"b":2}"#), r#"{"a":1,"b":2}"#);
}

#[test]
fn escapes_read_as_characters_and_half_a_pair_as_replacement() {
    let mut tape = Tape::default();
    let text =
        r#"["\ud83d\ude00\n\"\\\/\u00e9","\ud83d","\ude00x","\ud83d\ud83d\ude00","a\u0000b"]"#;
    let texts: Vec<String> = tape
        .parse(text)
        .unwrap()
        .root()
        .items()
        .map(|v| v.string().unwrap().into_owned())
        .collect();
    assert_eq!(
        texts,
        ["😀\n\"\\/é", "\u{fffd}", "\u{fffd}x", "\u{fffd}😀", "a\0b"]
    );
}

#[test]
fn canonical_forms_differ_where_values_do() {
    let all = [
        "9007199254740992",
        "9007199254740993",
        "1e400",
        "1e401",
        "-1e400",
        "333333333.33333329",
        "333333333.3333333",
        "0.1",
        "0.10000000000000001",
        "1e-400",
        "\"1\"",
        "\"\\ud83d\"",
        "\"\\ud83e\"",
        "\"\\ufffd\"",
        "\"1\\n\"",
        "[1]",
        "{\"1\":1}",
    ];
    for (index, one) in all.iter().enumerate() {
        for other in &all[index + 1..] {
            assert_ne!(canonical(one), canonical(other), "{one} {other}");
        }
    }
    for (one, other) in [
        ("9007199254740993", "9007199254740993.0"),
        ("9007199254740993", "9.0071992547409930E+15"),
        ("0.10000000000000001", "10000000000000001e-17"),
        ("0e400", "-0.000"),
        ("1e400", "10.0e399"),
    ] {
        assert_eq!(canonical(one), canonical(other));
    }
}

#[test]
fn canonical_form_is_that_of_rfc_8785() {
    let source = r#"{"numbers":[333333333.3333333,1E30,4.50,2e-3,0.000000000000000000000000001,-0,1676.0],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#;
    let expected = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,0,1676],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
    assert_eq!(canonical(source), expected);
    // The RFC's own example of the order by UTF-16 code units.
    let keys = r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#;
    assert_eq!(
        canonical(keys),
        "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\u{fb33}\":3}"
    );
}

#[test]
fn numbers_are_written_in_their_shortest_form() {
    for (text, expected) in [
        ("73.60", "73.6"),
        ("1676.0", "1676"),
        ("0.000", "0"),
        ("-0.0", "0"),
        ("1e3", "1000"),
        ("1e21", "1e+21"),
        ("123456789012345680000", "123456789012345680000"),
        ("0.000001", "0.000001"),
        ("1e-7", "1e-7"),
        ("-12.50", "-12.5"),
        ("100", "100"),
        ("0.1", "0.1"),
        ("5e-324", "5e-324"),
        ("1.5e1", "15"),
        ("9007199254740993", "9007199254740992"),
    ] {
        let mut out = OutBuf::default();
        write_number(&mut out, Number::parse(text).unwrap());
        assert_eq!(written(&out), expected, "{text}");
    }
}

#[test]
fn whole_numbers_keep_every_digit() {
    for (text, expected) in [
        ("1676.0", Some("1676")),
        (
            "123456789012345678901234567890",
            Some("123456789012345678901234567890"),
        ),
        ("1e3", Some("1000")),
        ("1.5", None),
        ("-0", Some("0")),
        ("1e300", None),
        ("-7", Some("-7")),
    ] {
        assert_eq!(
            Number::parse(text).unwrap().whole().as_deref(),
            expected,
            "{text}"
        );
    }
    for text in [
        "1e999", "-1e999", "NaN", "inf", "0x10", "1_000", " 1", "", "--1", "1-2",
    ] {
        assert!(Number::parse(text).is_none(), "{text}");
    }
}

#[test]
fn written_strings_read_back_as_themselves() {
    let text: String = (0..0x300)
        .filter_map(char::from_u32)
        .chain("\u{2028}😀\u{fffd}".chars())
        .collect();
    let mut out = OutBuf::default();
    write_text(&mut out, &text);
    assert_eq!(
        serde_json::from_slice::<String>(out.written()).unwrap(),
        text
    );
}

#[test]
fn slots_forget_the_members_of_the_object_before() {
    let mut slots = Slots::default();
    let (mut one, mut two) = (Tape::default(), Tape::default());
    let document = one.parse(r#"{"key":1,"value":2}"#).unwrap();
    assert_eq!(
        slots.fill(document.root()).get(Key::OfPair).unwrap().raw(),
        "1"
    );
    let document = two.parse(r#"{"unknown":1,"value":[7]}"#).unwrap();
    let members = slots.fill(document.root());
    assert!(members.get(Key::OfPair).is_none());
    assert_eq!(
        members
            .get(Key::Value)
            .unwrap()
            .items()
            .map(Value::raw)
            .next(),
        Some("7")
    );
}

#[test]
fn string_is_a_word_when_not_blank_and_nothing_to_trim() {
    for (text, kind) in [
        ("\"a\"", Kind::Word),
        ("\"nULL\"", Kind::Plain), // Nothing else is worth a closer look.
        ("\"null\"", Kind::Plain),
        ("\"name\"", Kind::Plain),
        ("\"notes\"", Kind::Word),
        ("\"\"", Kind::Plain),
        ("\" a\"", Kind::Plain),
        ("\"a\\n\"", Kind::Escaped),
        // Written without their escapes, these are others.
        ("\"a\\u0020\"", Kind::Plain),
        ("\"\\u0061\"", Kind::Word),
        ("\"é\"", Kind::Plain),
        ("\"sixteen and more letters, one of them é.\"", Kind::Word),
        ("123456789012345", Kind::Integer),
        ("1234567890123456", Kind::Number),
        ("0", Kind::Integer),
        ("-1", Kind::Number),
        ("1.0", Kind::Number),
    ] {
        // With and without text behind it, which is read along.
        for document in [text.to_owned(), format!("[{text},[[[[[[[[[[]]]]]]]]]]]")] {
            let mut tape = Tape::default();
            let document = tape.parse(&document).unwrap();
            let root = document.root();
            let value = root.items().next().unwrap_or(root);
            assert_eq!(value.kind(), kind, "{text}");
        }
    }
}

#[test]
fn text_cut_anywhere_is_a_fault() {
    let document = r#"{"key": "a long enough text", "customerIdentifiers": [123456789, -0.5e7, true], "n\u00e9": null}"#;
    for end in 0..document.len() {
        assert!(
            matches!(fault(&document[..end]), Some(Fault::Syntax(_))),
            "{}",
            &document[..end]
        );
    }
    assert_eq!(fault(document), None);
}

#[test]
fn amount_cut_behind_its_last_digit_is_in_shortest_form() {
    for text in [
        "73.60",
        "73.0",
        "1.5",
        "100.00",
        "120.305",
        "9999999999.999",
    ] {
        for document in [text.to_owned(), format!("[{text},[[[[[[[[[[]]]]]]]]]]]")] {
            let mut tape = Tape::default();
            let document = tape.parse(&document).unwrap();
            let root = document.root();
            let value = root.items().next().unwrap_or(root);
            let mut expected = OutBuf::default();
            write_number(&mut expected, value.number().unwrap());
            if let Some(end) = value.decimal_end() {
                let (text, start, _) = value.place();
                assert_eq!(&text[start..end], expected.written());
            }
        }
    }
    for other in ["0.5", "-1.50", "1e3", "1.5e3", "12", "1234567890.123456"] {
        let mut tape = Tape::default();
        let text = format!("[{other},[[[[[[[[[[]]]]]]]]]]]");
        let document = tape.parse(&text).unwrap();
        assert_eq!(
            document.root().items().next().unwrap().decimal_end(),
            None,
            "{other}"
        );
    }
}

#[test]
fn documents_of_one_shape_are_read_as_the_parser_reads_them() {
    let long = "x".repeat(70);
    let shaped = |name: &str, amount: &str, flag: &str| {
        format!(
            r#"{{"a":"{name}","{long}":[{amount},{{"id":{flag}}}],"n\u00e9":null, "z" : "end"}}"#
        )
    };
    let mut tape = Tape::default();
    tape.parse(&shaped("one", "1", "true")).unwrap();
    for name in [
        "",
        "-1",
        "null",
        &long,
        &long[..31],
        &long[..32],
        "é",
        "a\\\"b",
    ] {
        for amount in ["7", "-7", "1.50", "1e5", "123456789012345678"] {
            for flag in ["false", "null"] {
                let text = shaped(name, amount, flag);
                let (mut other, mut out) =
                    (Tape::default(), [OutBuf::default(), OutBuf::default()]);
                for (tape, out) in [&mut tape, &mut other].into_iter().zip(&mut out) {
                    let document = tape.parse(&text).unwrap();
                    write_canonical(out, document.root(), &[]);
                    let kinds: Vec<Kind> = document.root().members().map(Value::kind).collect();
                    out.put(format!("{kinds:?}").as_bytes());
                }
                assert_eq!(written(&out[0]), written(&out[1]));
                for end in 0..text.len() {
                    if let Some(cut) = text.get(..end) {
                        assert!(tape.parse(cut).is_err());
                    }
                }
                tape.parse(&text).unwrap();
            }
        }
    }
}

#[test]
fn shape_survives_escapes_and_exponents_and_faults_are_found() {
    let shaped = |name: &str, amount: &str, last: &str| {
        format!(r#"{{"name":"{name}","more":{{"a":[],"amount":{amount}}},"last":"{last}"}}"#)
    };
    let texts = ["", "two", "a\\\"b", "\\u00e9", "ends in a tab\\t", "\\\\"];
    let mut tape = Tape::default();
    let shape = tape
        .parse(&shaped("one", "1", "end"))
        .unwrap()
        .root()
        .shape();
    for name in texts {
        for last in texts {
            for amount in ["0", "-1.5", "1e5", "2.5E-3", "12345678901234567890"] {
                let text = shaped(name, amount, last);
                let document = tape.parse(&text).unwrap();
                assert_eq!(document.root().shape(), shape, "{text}");
                let mut out = OutBuf::default();
                write_canonical(&mut out, document.root(), &[]);
                assert_eq!(written(&out), canonical(&text));
            }
        }
    }
    for (name, amount, last) in [
        ("\u{1}", "1", "end"),
        ("\\x", "1", "end"),
        ("one", "01", "end"),
        ("one", "1e", "end"),
        ("one", "1.", "end"),
        ("one", "-", "end"),
        ("one", "1", "\n"),
        ("one", "1", "\\"),
    ] {
        let mut tape = Tape::default();
        tape.parse(&shaped("one", "1", "end")).unwrap();
        assert!(
            tape.parse(&shaped(name, amount, last)).is_err(),
            "{name} {amount} {last}"
        );
    }
}
