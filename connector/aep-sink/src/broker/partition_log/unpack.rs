//! Unpacks a compressed batch, up to a bound.
//!
//! The client's own function has none: 32 MiB can unpack to 32 GiB, and such a batch would end the
//! process at every start.

use std::io::Read;

use bytes::Bytes;
use fluvio::Compression;

/// The most bytes a batch may unpack to: twice the largest batch a broker takes uncompressed by
/// default.
pub(super) const MAX_UNPACKED: u64 = 64 << 20;

/// The records of a batch, unpacked.
pub(super) fn unpack(compression: Compression, raw: &Bytes, limit: u64) -> Result<Bytes, String> {
    let packed = &raw[..];
    let mut unpacked = Vec::new();
    let read = match compression {
        Compression::None => return Ok(raw.clone()),
        Compression::Gzip => flate2::read::GzDecoder::new(packed)
            .take(limit + 1)
            .read_to_end(&mut unpacked),
        Compression::Snappy => snap::read::FrameDecoder::new(packed)
            .take(limit + 1)
            .read_to_end(&mut unpacked),
        Compression::Lz4 => lz4_flex::frame::FrameDecoder::new(packed)
            .take(limit + 1)
            .read_to_end(&mut unpacked),
        Compression::Zstd => zstd::Decoder::new(packed)
            .and_then(|decoder| decoder.take(limit + 1).read_to_end(&mut unpacked)),
    };
    read.map_err(|error| error.to_string())?;
    if u64::try_from(unpacked.len()).is_ok_and(|length| length > limit) {
        return Err(format!("it unpacks to more than {} MiB", limit >> 20));
    }
    Ok(unpacked.into())
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_that_unpacks_beyond_the_bound_is_refused() {
        let content = vec![0_u8; 3 << 20];
        for compression in [
            Compression::Gzip,
            Compression::Snappy,
            Compression::Lz4,
            Compression::Zstd,
        ] {
            let packed = compression.compress(&content).unwrap();
            let whole = unpack(compression, &packed, 3 << 20).unwrap();
            assert_eq!(whole, content, "{compression}");
            assert_eq!(
                unpack(compression, &packed, 2 << 20),
                Err("it unpacks to more than 2 MiB".to_owned()),
                "{compression}"
            );
        }
    }
}
