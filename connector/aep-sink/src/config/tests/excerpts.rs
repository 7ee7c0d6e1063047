//! The line under a message, and what it never shows.

use super::*;

/// A value written out where it must not be shown.
const HUSH: &str = "p8e-HushHush";

#[track_caller]
fn shows(text: &str, lines: &str) {
    let message = refusal(text);
    assert!(
        message.contains(lines.trim_start_matches('\n')),
        "no\n{lines}\nin:\n{message}"
    );
}

#[test]
fn mistyped_key_is_underlined() {
    let text = with("    inlet-url: ", "    inlet-ulr: ");
    shows(
        &text,
        "
connector.yaml:18: experience-platform.events.inlet-ulr: unknown key; did you mean `inlet-url`?
  18 |     inlet-ulr: …
     |     ^^^^^^^^^",
    );
}

#[test]
fn wrong_value_is_shown_and_underlined() {
    shows(
        &plus("  batch: {max-records: 500, linger: fast} # as agreed"),
        "
  21 |   batch: {max-records: 500, linger: fast}
     |                                     ^^^^",
    );
    shows(
        &plus("  on-evicted: \"halt\""),
        "\n  21 |   on-evicted: \"halt\"\n     |               ^^^^^^",
    );
}

#[test]
fn missing_key_is_missed_at_its_section() {
    shows(
        &with("    dataset-id: d1\n", ""),
        "
events.dataset-id: missing; expected the id of the dataset (format xdm)
  17 |   events:
     |   ^^^^^^",
    );
}

#[test]
fn value_of_few_words_finds_the_nearest_one() {
    for (text, meant) in [
        (plus("  on-evicted: contineu"), "did you mean `continue`?"),
        (
            with(
                "    dataset-id: d1\n",
                "    dataset-id: d1\n    format: xmd\n",
            ),
            "did you mean `xdm`?",
        ),
        (
            plus("  dead-letter: {accept: [unknown_datasets]}"),
            "did you mean `unknown_dataset`?",
        ),
        (
            with(
                "    id: sink\n",
                "    id: sink\n    offset: {strategy: manuel}\n",
            ),
            "did you mean `manual`?",
        ),
    ] {
        says(&text, &[meant]);
    }
}

/// A parameter's name is a key as well.
#[test]
fn mistyped_parameter_finds_the_nearest_one() {
    let step = "  - uses: capillary-aep/capillary-xdm@0.1.0\n";
    says(
        &with(step, &format!("{step}    with: {{tennant: acme}}\n")),
        &["transforms[0].with.tennant", "did you mean `tenant`?"],
    );
}

#[test]
fn placeholders_are_shown_as_they_are_written() {
    shows(
        &with(
            "dataset-id: d1",
            "dataset-id: \"${{ secrets.IMS_CLIENT_SECRET }}\"",
        ),
        "dataset-id: \"${{ secrets.IMS_CLIENT_SECRET }}\"",
    );
}

/// Secrets written out, under every kind of mistake around them.
#[test]
fn secret_that_is_written_out_is_in_no_excerpt() {
    let secret = "    client-secret: \"${{ secrets.IMS_CLIENT_SECRET }}\"\n";
    let ims = "  ims:\n    client-id: \"${{ secrets.IMS_CLIENT_ID }}\"\n    client-secret: \"${{ \
        secrets.IMS_CLIENT_SECRET }}\"\n";
    let line = |text: &str| with(secret, &format!("    {text}\n"));
    let section = |text: &str| with(ims, &format!("  {text}\n"));
    for text in [
        line(&format!("client-secret: \" {HUSH}\"")),
        line(&format!("client-secert: {HUSH}")),
        line(&format!("client-secret:{HUSH}")),
        line(&format!("client-secret: {HUSH}: more")),
        line(&format!("client-secret: \"{HUSH}")),
        line(&format!("client-secret: [{HUSH}]")),
        line(&format!("client-secret: {{a: {HUSH}}}")),
        line(&format!(
            "client-secret: |\n      {HUSH}\n      {HUSH}\n    clientid: x"
        )),
        line(&format!("client-secret: >-\n      {HUSH}\n    scope: [1]")),
        line(&format!("client-secret: &a {HUSH}\n    scope: [*a]")),
        line(&format!("client-secret: !x {HUSH}")),
        line(&format!(
            "client-secret: \"x\n      {HUSH}\"\n    scopes: y"
        )),
        line(&format!("client-secret: x\n    scope: 5 # was {HUSH}")),
        line(&format!("client-secret: x\n    scope: 5 #{HUSH}")),
        line(&format!("client-secret: x\n    scope: {HUSH}\\")).replace("scope: ", "scpoe: "),
        line(&format!(
            "client-secret: \"a\\x41{HUSH}\"\n    client-secret: x"
        )),
        section(&format!("ims: {{client-id: 5, client-secret: {HUSH}}}")),
        section(&format!("ims: {{client-id: x, client-secret:{HUSH}}}")),
        section(&format!(
            "ims: {{client-id: 5, client-secret: \"{HUSH}, {HUSH}\", scope: 1}}"
        )),
        section(&format!(
            "ims: {{\"client-id\": x, 'client-secret': '{HUSH}''{HUSH}', scoep: 1}}"
        )),
        section(&format!("ims: [client-id, {HUSH}]")),
        section(&format!("ims: {HUSH}")),
        section(&format!("imss: {{client-secret: {HUSH}}}")),
        plus(&format!("client-secret: {HUSH}")),
        plus(&format!("  client-secret: {HUSH}")),
        plus(&format!(
            "  http: {{proxy: \"ftp://u:{HUSH}@host\", ca-file: 1}}"
        )),
        plus(&format!("  http: {{proxi: \"http://u:{HUSH}@host\"}}")),
        plus(&format!("  htttp: {{proxy: \"http://u:{HUSH}@host\"}}")),
        with(
            "https://dcs.adobedc.net/collection/abc",
            &format!("https://u:{HUSH}@dcs.adobedc.net/collection/abc"),
        ),
        with(
            "  topic: events\n",
            &format!("  topic: [events]\n  secrets: [{{name: \"{HUSH}\", value: {HUSH}}}]\n"),
        )
        .replace(
            "  secrets: [{name: IMS_CLIENT_ID}, {name: IMS_CLIENT_SECRET}]\n",
            "",
        ),
        with("  topic: events\n", &format!("  topic: {HUSH}: events\n")),
    ] {
        let message = refusal(&text);
        assert!(!message.contains("HushHush"), "{message}\nof\n{text}");
        assert!(message.contains("connector.yaml"), "{message}");
    }
}

/// The line's own signs do not betray what is between them.
#[test]
fn random_damage_shows_nothing_of_a_secret_that_is_written_out() {
    let text = LEAST.replace("\"${{ secrets.IMS_CLIENT_SECRET }}\"", "Qq8Zz7Xx6Ww5");
    let mut random = fastrand::Rng::with_seed(5);
    let mut shown = 0;
    for _ in 0..4_000 {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..random.usize(1..5) {
            let at = random.usize(..bytes.len());
            match random.u8(..3) {
                0 => bytes[at] = *random.choice(b"{}[]:,-#&*!|>'\"%@` \n\ra").unwrap(),
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, *random.choice(b"{}[]:,-#&*!|>'\"%@` \n\r$").unwrap()),
            }
        }
        let Err(error) = read(&String::from_utf8_lossy(&bytes)) else {
            continue;
        };
        let message = error.to_string();
        shown += usize::from(message.contains(" | "));
        for piece in ["Qq8", "Zz7", "Xx6", "Ww5"] {
            assert!(
                !message.contains(piece),
                "{message}\nof\n{}",
                String::from_utf8_lossy(&bytes)
            );
        }
    }
    assert!(shown > 1_000, "only {shown} messages had an excerpt");
}

#[test]
fn line_that_is_no_yaml_shows_the_key_it_begins_with_and_no_more() {
    shows(
        &with("    id: sink\n", "    id: sink: x\n"),
        "connector.yaml:9: not valid YAML: mapping values are not allowed in this context\n  9 \
            |     id: …\n    |     ^^^^^",
    );
}

#[test]
fn long_line_is_cut_around_the_place() {
    let list: Vec<String> = (0..60).map(|number| number.to_string()).collect();
    let text = with(
        "    id: sink\n",
        &format!(
            "    {{id: sink, partition: [{}, x], max-bytes: 1}}\n",
            list.join(", ")
        ),
    );
    let text = text.replace("  consumer:\n    {", "  consumer: {");
    let message = refusal(&text);
    assert!(
        message.lines().all(|line| line.chars().count() < 140),
        "{message}"
    );
}
