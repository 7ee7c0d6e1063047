//! Subcommand `map`: the same mapping natively, for trying things out.

use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Write};

use capillary_xdm::{Input, Mapper, Params};

/// Few system calls for large files; small enough to be nothing.
const BUFFER: usize = 256 << 10;

/// Maps raw events, one a line, to answers, one a line. Lines are bytes, whatever they hold; their offsets count from
/// 0, and they have no Fluvio timestamp. A reader that closes the pipe (`| head`) ends it quietly.
pub(crate) fn run(params: Params, input: impl Read, output: impl Write) -> io::Result<()> {
    match map(
        params,
        BufReader::with_capacity(BUFFER, input),
        BufWriter::with_capacity(BUFFER, output),
    ) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn map(params: Params, mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut mapper = Mapper::new(params);
    let (mut line, mut answer) = (Vec::new(), Vec::new());
    let mut offset = 0;
    while input.read_until(b'\n', &mut line)? > 0 {
        let value = line.strip_suffix(b"\n").unwrap_or(&line);
        let value = value.strip_suffix(b"\r").unwrap_or(value);
        mapper.answer(
            Input {
                offset,
                timestamp: None,
                value,
            },
            &mut answer,
        );
        answer.push(b'\n');
        output.write_all(&answer)?;
        line.clear();
        answer.clear();
        offset += 1;
    }
    output.flush()
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(input: &[u8]) -> Vec<serde_json::Value> {
        let mut output = Vec::new();
        run(Params::default(), input, &mut output).unwrap();
        assert!(output.is_empty() || output.ends_with(b"\n"));
        output
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    #[test]
    fn every_line_has_one_answer_and_offsets_count_from_zero() {
        let answers = answers(b"{\"eventName\":\"x\"}\r\n\n\xff\xfe not text\nlast without newline");
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
    fn a_closed_pipe_ends_quietly_and_a_full_disk_does_not() {
        assert!(run(Params::default(), &b"{}\n"[..], Closed(ErrorKind::BrokenPipe)).is_ok());
        let full = run(Params::default(), &b"{}\n"[..], Closed(ErrorKind::StorageFull));
        assert_eq!(full.unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
