//! Subcommand `map`: the same mapping natively, for trying things out.

mod explainer;
mod trace;
mod words;

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Write};

use capillary_xdm::{Input, Mapper, Params};
use serde_json::value::RawValue;

use crate::config::Transform;
use explainer::Explainer;

/// Few system calls for large files; small enough to be nothing.
const BUFFER: usize = 256 << 10;

/// What is written for each event.
pub enum OutputFormat {
    /// The answer, one line of JSON.
    Answer,
    /// Text for people.
    Explanation,
}

/// Maps raw events, one a line, to answers, one a line. Lines are bytes, whatever they hold; their
/// offsets count from 0, and they have no Fluvio timestamp. Events to be explained may also be JSON
/// over several lines, as people have them. A reader that closes the pipe (`| head`) ends it
/// quietly. Without a transform the parameters are the defaults.
///
/// # Errors
/// When the input cannot be read or the output cannot be written.
pub fn run(
    transform: Option<Transform>,
    format: OutputFormat,
    input: impl Read,
    output: impl Write,
) -> io::Result<()> {
    let (params, pairs) = match transform {
        None => (Params::default(), BTreeMap::new()),
        Some(transform) => (transform.params, transform.with),
    };
    let input = BufReader::with_capacity(BUFFER, input);
    let output = BufWriter::with_capacity(BUFFER, output);
    let result = match format {
        OutputFormat::Answer => {
            let mut mapper = Mapper::new(params);
            for_each(input, output, |offset, value, out| {
                let input = Input {
                    offset,
                    timestamp: None,
                    value,
                };
                mapper.answer(input, out);
                out.push(b'\n');
            })
        }
        OutputFormat::Explanation => explain_all(&mut Explainer::new(pairs, params), input, output),
    };
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn explain_all(
    explainer: &mut Explainer,
    mut input: impl BufRead,
    mut output: impl Write,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    let documents: Result<Vec<&RawValue>, _> = serde_json::Deserializer::from_slice(&bytes)
        .into_iter()
        .collect();
    match documents {
        Ok(documents) => {
            for (number, document) in (0..).zip(documents) {
                output.write_all(
                    explainer
                        .explain(document.get().as_bytes(), number)
                        .as_bytes(),
                )?;
            }
            output.flush()
        }
        Err(_) => for_each(bytes.as_slice(), output, |number, value, out| {
            out.extend_from_slice(explainer.explain(value, number).as_bytes());
        }),
    }
}

fn for_each(
    mut input: impl BufRead,
    mut output: impl Write,
    mut write: impl FnMut(i64, &[u8], &mut Vec<u8>),
) -> io::Result<()> {
    let (mut line, mut out) = (Vec::new(), Vec::new());
    let mut number = 0;
    while input.read_until(b'\n', &mut line)? > 0 {
        let value = line.strip_suffix(b"\n").unwrap_or(&line);
        let value = value.strip_suffix(b"\r").unwrap_or(value);
        write(number, value, &mut out);
        output.write_all(&out)?;
        line.clear();
        out.clear();
        number += 1;
    }
    output.flush()
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(input: &[u8]) -> Vec<serde_json::Value> {
        let mut output = Vec::new();
        run(None, OutputFormat::Answer, input, &mut output).unwrap();
        assert!(output.is_empty() || output.ends_with(b"\n"));
        output
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    #[test]
    fn every_line_has_one_answer_and_offsets_count_from_zero() {
        let answers =
            answers(b"{\"eventName\":\"x\"}\r\n\n\xff\xfe not text\nlast without newline");
        let offsets: Vec<i64> = answers
            .iter()
            .map(|answer| answer["offset"].as_i64().unwrap())
            .collect();
        assert_eq!(offsets, [0, 1, 2, 3]);
    }

    #[test]
    fn nothing_in_nothing_out() {
        assert!(answers(b"").is_empty());
    }

    struct Closed(ErrorKind);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn closed_pipe_ends_quietly_and_a_full_disk_does_not() {
        assert!(
            run(
                None,
                OutputFormat::Answer,
                &b"{}\n"[..],
                Closed(ErrorKind::BrokenPipe)
            )
            .is_ok()
        );
        let full = run(
            None,
            OutputFormat::Answer,
            &b"{}\n"[..],
            Closed(ErrorKind::StorageFull),
        );
        assert_eq!(full.unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
