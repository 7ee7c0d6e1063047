//! The bodies of a run in a file, for the bare client.

use std::io::{BufWriter, Write};
use std::path::Path;

use bytes::{Buf, Bytes};

use crate::error::BenchError;
use conformance::simulator::{Body, Records};

/// Writes bodies one after the other: where it went, the length, the bytes.
pub(crate) fn write(path: &Path, bodies: &[Body]) -> Result<(), BenchError> {
    let failed = |error| BenchError::File("write the bodies", error);
    let mut file = BufWriter::new(std::fs::File::create(path).map_err(failed)?);
    for body in bodies {
        let place = match (body.records, body.batch) {
            (Records::Events, true) => 0,
            (Records::Events, false) => 1,
            (Records::Profiles, _) => 2_u8,
        };
        let length = u32::try_from(body.bytes.len()).unwrap_or(u32::MAX);
        file.write_all(&[place])
            .and_then(|()| file.write_all(&length.to_le_bytes()))
            .and_then(|()| file.write_all(&body.bytes))
            .map_err(failed)?;
    }
    file.flush().map_err(failed)
}

/// Reads them back: the place (0 events in batches, 1 single events, 2 profiles) and the bytes.
pub(crate) fn read(path: &Path) -> Result<Vec<(usize, Bytes)>, BenchError> {
    let bytes = std::fs::read(path).map_err(|error| BenchError::File("read the bodies", error))?;
    let mut rest = Bytes::from(bytes);
    let mut bodies = Vec::new();
    while rest.remaining() > 5 {
        let place = usize::from(rest.get_u8());
        let length = usize::try_from(rest.get_u32_le()).unwrap_or(usize::MAX);
        bodies.push((place, rest.split_to(length.min(rest.len()))));
    }
    Ok(bodies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_back_as_they_were() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bodies");
        let body = |records, batch, text: &'static str| Body {
            records,
            batch,
            bytes: text.into(),
        };
        write(
            &path,
            &[
                body(Records::Events, true, "one"),
                body(Records::Profiles, false, "t"),
            ],
        )
        .unwrap();
        let read = read(&path).unwrap();
        assert_eq!(read, [(0, "one".into()), (2, "t".into())]);
    }
}
