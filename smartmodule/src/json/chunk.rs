//! Sixteen bytes at a time: what texts are scanned, compared and copied in.
//!
//! In wasm a chunk is a SIMD register. Elsewhere (and in a wasm built without `simd128`) it is two words, worked on as
//! bytes in parallel. Both give the same marks for the same bytes:
//!
//! - `special`: quotes, backslashes and control characters, which end what stands in a JSON string as it is;
//! - `not_digits`: all but `0` to `9`;
//! - `reserved`: all but letters, digits and `-._~`;
//! - `equal`: one byte.
//!
//! `Marks::first` is the place of the first marked byte, or the chunk's length.

/// Bytes in a chunk.
pub(super) const CHUNK: usize = 16;

/// The chunk that begins at `at`; `None` where fewer bytes are left.
#[inline(always)]
pub(super) fn chunk_at(bytes: &[u8], at: usize) -> Option<Chunk> {
    bytes.get(at..)?.first_chunk().map(Chunk::new)
}

/// Both halves of sixteen bytes.
#[inline(always)]
pub(super) const fn words(bytes: &[u8; CHUNK]) -> (u64, u64) {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *bytes;
    (
        u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        u64::from_le_bytes([i, j, k, l, m, n, o, p]),
    )
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod backend {
    use core::arch::wasm32::{
        u8x16_bitmask, u8x16_eq, u8x16_ge, u8x16_lt, u8x16_splat, u8x16_sub, u64x2, u64x2_extract_lane, v128, v128_and,
        v128_any_true, v128_not, v128_or,
    };

    #[derive(Clone, Copy)]
    pub(crate) struct Chunk(v128);

    /// Bytes of a chunk, all bits of each set or not.
    #[derive(Clone, Copy)]
    pub(crate) struct Marks(v128);

    impl Chunk {
        #[inline(always)]
        pub(crate) fn new(bytes: &[u8; super::CHUNK]) -> Self {
            let (low, high) = super::words(bytes);
            Self(u64x2(low, high))
        }

        #[inline(always)]
        pub(crate) fn words(self) -> (u64, u64) {
            (u64x2_extract_lane::<0>(self.0), u64x2_extract_lane::<1>(self.0))
        }

        #[inline(always)]
        pub(crate) fn special(self) -> Marks {
            let control = u8x16_lt(self.0, u8x16_splat(0x20));
            let quote = u8x16_eq(self.0, u8x16_splat(b'"'));
            let backslash = u8x16_eq(self.0, u8x16_splat(b'\\'));
            Marks(v128_or(v128_or(control, quote), backslash))
        }

        #[inline(always)]
        pub(crate) fn not_digits(self) -> Marks {
            let value = u8x16_sub(self.0, u8x16_splat(b'0'));
            Marks(u8x16_ge(value, u8x16_splat(10)))
        }

        #[inline(always)]
        pub(crate) fn equal(self, byte: u8) -> Marks {
            Marks(u8x16_eq(self.0, u8x16_splat(byte)))
        }

        #[inline(always)]
        pub(crate) fn reserved(self) -> Marks {
            let within = |bytes, first, count| u8x16_lt(u8x16_sub(bytes, u8x16_splat(first)), u8x16_splat(count));
            let letter = within(v128_or(self.0, u8x16_splat(0x20)), b'a', 26);
            let digit = within(self.0, b'0', 10);
            let dash_or_dot = within(self.0, b'-', 2);
            let other = v128_or(u8x16_eq(self.0, u8x16_splat(b'_')), u8x16_eq(self.0, u8x16_splat(b'~')));
            let unreserved = v128_or(v128_or(letter, digit), v128_or(dash_or_dot, other));
            Marks(v128_not(unreserved))
        }
    }

    impl Marks {
        pub(crate) const NONE: Self = Self(u64x2(0, 0));

        #[inline(always)]
        pub(crate) fn or(self, other: Self) -> Self {
            Self(v128_or(self.0, other.0))
        }

        #[inline(always)]
        pub(crate) fn and(self, other: Self) -> Self {
            Self(v128_and(self.0, other.0))
        }

        #[inline(always)]
        pub(crate) fn first(self) -> usize {
            (u32::from(u8x16_bitmask(self.0)) | 1 << super::CHUNK).trailing_zeros() as usize
        }

        #[inline(always)]
        pub(crate) fn is_empty(self) -> bool {
            !v128_any_true(self.0)
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod backend {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x80 * ONES;

    /// Marks the bytes that are not below `limit` (at most 0x80), by their high bit.
    const fn at_least(word: u64, limit: u8) -> u64 {
        (((word & !HIGHS) + ONES * (0x80 - limit as u64)) | word) & HIGHS
    }

    const fn equal(word: u64, byte: u8) -> u64 {
        at_least(word ^ (ONES * byte as u64), 1) ^ HIGHS
    }

    #[derive(Clone, Copy)]
    pub(crate) struct Chunk(u64, u64);

    /// Bytes of a chunk, each marked by its high bit.
    #[derive(Clone, Copy)]
    pub(crate) struct Marks(u64, u64);

    impl Chunk {
        #[inline(always)]
        pub(crate) fn new(bytes: &[u8; super::CHUNK]) -> Self {
            let (low, high) = super::words(bytes);
            Self(low, high)
        }

        #[inline(always)]
        pub(crate) fn words(self) -> (u64, u64) {
            (self.0, self.1)
        }

        fn marks(self, mark: impl Fn(u64) -> u64) -> Marks {
            Marks(mark(self.0), mark(self.1))
        }

        #[inline(always)]
        pub(crate) fn special(self) -> Marks {
            self.marks(|word| at_least(word, 0x20) ^ HIGHS | equal(word, b'"') | equal(word, b'\\'))
        }

        #[inline(always)]
        pub(crate) fn not_digits(self) -> Marks {
            self.marks(|word| at_least(word ^ (ONES * b'0' as u64), 10))
        }

        #[inline(always)]
        pub(crate) fn equal(self, byte: u8) -> Marks {
            self.marks(|word| equal(word, byte))
        }

        #[inline(always)]
        pub(crate) fn reserved(self) -> Marks {
            let within = |word, first, count| at_least(word, first) & !at_least(word, first + count);
            self.marks(|word| {
                let letter = within(word | (ONES * 0x20), b'a', 26);
                let digit = within(word, b'0', 10);
                let dash_or_dot = within(word, b'-', 2);
                (letter | digit | dash_or_dot | equal(word, b'_') | equal(word, b'~')) ^ HIGHS
            })
        }
    }

    impl Marks {
        pub(crate) const NONE: Self = Self(0, 0);

        #[inline(always)]
        pub(crate) fn or(self, other: Self) -> Self {
            Self(self.0 | other.0, self.1 | other.1)
        }

        #[inline(always)]
        pub(crate) fn and(self, other: Self) -> Self {
            Self(self.0 & other.0, self.1 & other.1)
        }

        #[inline(always)]
        pub(crate) fn first(self) -> usize {
            let position = |marks: u64| marks.trailing_zeros() as usize / 8;
            match position(self.0) {
                8 => 8 + position(self.1),
                first => first,
            }
        }

        #[inline(always)]
        pub(crate) fn is_empty(self) -> bool {
            self.0 | self.1 == 0
        }
    }
}

pub(super) use backend::{Chunk, Marks};
