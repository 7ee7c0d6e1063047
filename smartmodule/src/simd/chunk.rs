//! Sixteen bytes at a time: what texts are scanned, compared and copied in.
//!
//! In wasm a chunk is a SIMD register. Elsewhere (and in a wasm built without `simd128`) it is two
//! words, worked on as bytes in parallel. Both give the same marks for the same bytes:
//!
//! - `special`: quotes, backslashes and control characters, which end what stands in a JSON string
//!   as it is;
//! - `not_digits`: all but `0` to `9`;
//! - `reserved`: all but letters, digits and `-._~`;
//! - `equal`: one byte;
//! - `same`: those that another chunk has in the same place;
//! - `lower_or_digit`: `a` to `z` and `0` to `9`;
//! - `beyond_ascii`: what UTF-8 has to be checked for.
//!
//! `Marks::first` is the place of the first marked byte, or the chunk's length.

/// Bytes in a chunk.
pub(crate) const CHUNK: usize = 16;

/// Two chunks side by side: what nearly every name and most strings fit in. Both are always worked
/// on, because a branch that depends on a length is mispredicted too often.
#[derive(Clone, Copy)]
pub(crate) struct Pair(Chunk, Chunk);

/// Bytes in a pair.
pub(crate) const PAIR: usize = 2 * CHUNK;

impl Pair {
    #[inline(always)]
    pub(crate) fn new(bytes: &[u8; PAIR]) -> Self {
        let (low, high) = halves(bytes);
        Self(Chunk::new(low), Chunk::new(high))
    }

    /// The place of the first special byte, or the pair's length.
    #[inline(always)]
    pub(crate) fn special(self) -> usize {
        first_of(self.0.special(), self.1.special())
    }

    /// The bytes before `length`, and zeros.
    #[inline(always)]
    pub(crate) fn keep(self, length: usize) -> Self {
        let Self(low, high) = Self::new(mask_of(length));
        Self(self.0.and(low), self.1.and(high))
    }

    #[inline(always)]
    pub(crate) fn is(self, other: Self) -> bool {
        self.0.xor(other.0).or(self.1.xor(other.1)).is_zero()
    }

    /// The bytes that are the same in both, by their bits.
    #[inline(always)]
    pub(crate) fn same(self, other: Self) -> u32 {
        u32::from(self.0.same(other.0).bits()) | u32::from(self.1.same(other.1).bits()) << CHUNK
    }

    /// The bytes that `mark` marks, by their bits.
    #[inline(always)]
    pub(crate) fn bits(self, mark: impl Fn(Chunk) -> Marks) -> u32 {
        u32::from(mark(self.0).bits()) | u32::from(mark(self.1).bits()) << CHUNK
    }

    /// The first two words.
    #[inline(always)]
    pub(crate) fn words(self) -> (u64, u64) {
        self.0.words()
    }
}

/// All bits of the first `length` bytes.
#[inline(always)]
pub(crate) fn mask_of(length: usize) -> &'static [u8; PAIR] {
    static WINDOW: [u8; 2 * PAIR] = {
        let mut window = [0; 2 * PAIR];
        let mut at = 0;
        while at < PAIR {
            window[at] = 0xFF;
            at += 1;
        }
        window
    };
    static NONE: [u8; PAIR] = [0; PAIR];
    let mask = WINDOW
        .get(PAIR - length.min(PAIR)..)
        .and_then(|mask| mask.first_chunk());
    mask.unwrap_or(&NONE)
}

#[inline(always)]
fn halves(bytes: &[u8; PAIR]) -> (&[u8; CHUNK], &[u8; CHUNK]) {
    const NONE: &[u8; CHUNK] = &[0; CHUNK];
    (
        bytes.first_chunk().unwrap_or(NONE),
        bytes.last_chunk().unwrap_or(NONE),
    )
}

/// The chunk that begins at `at`; `None` where fewer bytes are left.
#[inline(always)]
pub(crate) fn chunk_at(bytes: &[u8], at: usize) -> Option<Chunk> {
    bytes.get(at..)?.first_chunk().map(Chunk::new)
}

/// Both halves of sixteen bytes.
#[inline(always)]
pub(crate) const fn words(bytes: &[u8; CHUNK]) -> (u64, u64) {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *bytes;
    (
        u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        u64::from_le_bytes([i, j, k, l, m, n, o, p]),
    )
}

/// Whether two texts are the same: in wasm, the usual way goes byte by byte.
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    let (chunks, rest) = one.as_chunks();
    let (others, other_rest) = other.as_chunks();
    one.len() == other.len()
        && chunks
            .iter()
            .zip(others)
            .all(|(one, other)| is_equal(one, other))
        && match (one.last_chunk(), other.last_chunk()) {
            (Some(one), Some(other)) => is_equal(one, other),
            _ => rest.iter().zip(other_rest).all(|(one, other)| one == other),
        }
}

#[inline(always)]
fn is_equal(one: &[u8; CHUNK], other: &[u8; CHUNK]) -> bool {
    Chunk::new(one).xor(Chunk::new(other)).is_zero()
}

/// Copies a known number of bytes, in chunks and words: as a loop, it would become a call into the
/// host.
#[inline(always)]
pub(crate) fn copy_chunks<const N: usize>(to: &mut [u8; N], from: &[u8; N]) {
    let ((to, to_rest), (from, from_rest)) = (to.as_chunks_mut(), from.as_chunks());
    for (to, from) in to.iter_mut().zip(from) {
        Chunk::new(from).store(to);
    }
    for (to, from) in to_rest
        .as_chunks_mut::<8>()
        .0
        .iter_mut()
        .zip(from_rest.as_chunks().0)
    {
        *to = *from;
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod backend {
    use core::arch::wasm32::{
        i8x16_lt, i8x16_splat, u8x16_bitmask, u8x16_eq, u8x16_ge, u8x16_le, u8x16_lt, u8x16_min,
        u8x16_splat, u8x16_sub, u64x2, u64x2_extract_lane, v128, v128_and, v128_any_true,
        v128_load, v128_not, v128_or, v128_store, v128_xor,
    };

    #[derive(Clone, Copy)]
    pub(crate) struct Chunk(v128);

    /// Bytes of a chunk, all bits of each set or not.
    #[derive(Clone, Copy)]
    pub(crate) struct Marks(v128);

    impl Chunk {
        pub(crate) const ZERO: Self = Self(u64x2(0, 0));

        #[inline(always)]
        #[allow(unsafe_code)] // Safe code loads two halves and puts them together.
        pub(crate) fn new(bytes: &[u8; super::CHUNK]) -> Self {
            // SAFETY: the reference is to sixteen bytes; a load needs no alignment.
            Self(unsafe { v128_load(bytes.as_ptr().cast()) })
        }

        #[inline(always)]
        #[allow(unsafe_code)] // As above.
        pub(crate) fn store(self, bytes: &mut [u8; super::CHUNK]) {
            // SAFETY: as above.
            unsafe { v128_store(bytes.as_mut_ptr().cast(), self.0) }
        }

        #[inline(always)]
        pub(crate) fn words(self) -> (u64, u64) {
            (
                u64x2_extract_lane::<0>(self.0),
                u64x2_extract_lane::<1>(self.0),
            )
        }

        #[inline(always)]
        pub(crate) fn and(self, other: Self) -> Self {
            Self(v128_and(self.0, other.0))
        }

        #[inline(always)]
        pub(crate) fn or(self, other: Self) -> Self {
            Self(v128_or(self.0, other.0))
        }

        #[inline(always)]
        pub(crate) fn xor(self, other: Self) -> Self {
            Self(v128_xor(self.0, other.0))
        }

        #[inline(always)]
        pub(crate) fn is_zero(self) -> bool {
            !v128_any_true(self.0)
        }

        #[inline(always)]
        pub(crate) fn beyond_ascii(self) -> Marks {
            Marks(i8x16_lt(self.0, i8x16_splat(0)))
        }

        #[inline(always)]
        pub(crate) fn special(self) -> Marks {
            // At most 0x1F: the engine has no instruction for "less".
            let control = u8x16_eq(u8x16_min(self.0, u8x16_splat(0x1F)), self.0);
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
        pub(crate) fn same(self, other: Self) -> Marks {
            Marks(u8x16_eq(self.0, other.0))
        }

        #[inline(always)]
        pub(crate) fn lower_or_digit(self) -> Marks {
            let within = |first, last| {
                u8x16_le(
                    u8x16_sub(self.0, u8x16_splat(first)),
                    u8x16_splat(last - first),
                )
            };
            Marks(v128_or(within(b'a', b'z'), within(b'0', b'9')))
        }

        #[inline(always)]
        pub(crate) fn reserved(self) -> Marks {
            let within = |bytes, first, count| {
                u8x16_lt(u8x16_sub(bytes, u8x16_splat(first)), u8x16_splat(count))
            };
            let letter = within(v128_or(self.0, u8x16_splat(0x20)), b'a', 26);
            let digit = within(self.0, b'0', 10);
            let dash_or_dot = within(self.0, b'-', 2);
            let other = v128_or(
                u8x16_eq(self.0, u8x16_splat(b'_')),
                u8x16_eq(self.0, u8x16_splat(b'~')),
            );
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

        #[inline(always)]
        pub(crate) fn bits(self) -> u16 {
            u8x16_bitmask(self.0)
        }
    }

    #[inline(always)]
    pub(crate) fn first_of(low: Marks, high: Marks) -> usize {
        let (low, high) = (
            u32::from(u8x16_bitmask(low.0)),
            u32::from(u8x16_bitmask(high.0)),
        );
        (low | high << super::CHUNK).trailing_zeros() as usize
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
        pub(crate) const ZERO: Self = Self(0, 0);

        #[inline(always)]
        pub(crate) fn new(bytes: &[u8; super::CHUNK]) -> Self {
            let (low, high) = super::words(bytes);
            Self(low, high)
        }

        #[inline(always)]
        pub(crate) fn store(self, bytes: &mut [u8; super::CHUNK]) {
            let (low, high) = bytes.split_at_mut(8);
            low.copy_from_slice(&self.0.to_le_bytes());
            high.copy_from_slice(&self.1.to_le_bytes());
        }

        #[inline(always)]
        pub(crate) fn words(self) -> (u64, u64) {
            (self.0, self.1)
        }

        #[inline(always)]
        pub(crate) fn and(self, other: Self) -> Self {
            Self(self.0 & other.0, self.1 & other.1)
        }

        #[inline(always)]
        pub(crate) fn or(self, other: Self) -> Self {
            Self(self.0 | other.0, self.1 | other.1)
        }

        #[inline(always)]
        pub(crate) fn xor(self, other: Self) -> Self {
            Self(self.0 ^ other.0, self.1 ^ other.1)
        }

        #[inline(always)]
        pub(crate) fn is_zero(self) -> bool {
            self.0 | self.1 == 0
        }

        #[inline(always)]
        pub(crate) fn beyond_ascii(self) -> Marks {
            self.marks(|word| word & HIGHS)
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
        pub(crate) fn same(self, other: Self) -> Marks {
            self.xor(other).equal(0)
        }

        #[inline(always)]
        pub(crate) fn lower_or_digit(self) -> Marks {
            let within = |word, first, last: u8| at_least(word, first) & !at_least(word, last + 1);
            self.marks(|word| within(word, b'a', b'z') | within(word, b'0', b'9'))
        }

        #[inline(always)]
        pub(crate) fn reserved(self) -> Marks {
            let within =
                |word, first, count| at_least(word, first) & !at_least(word, first + count);
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

        #[inline(always)]
        pub(crate) fn bits(self) -> u16 {
            // Moves the lowest bits of eight bytes side by side, into the highest byte.
            let bits = |marks: u64| (marks >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            (bits(self.0) | bits(self.1) << 8) as u16
        }
    }

    #[inline(always)]
    pub(crate) fn first_of(low: Marks, high: Marks) -> usize {
        match low.first() {
            super::CHUNK => super::CHUNK + high.first(),
            first => first,
        }
    }
}

use backend::first_of;
pub(crate) use backend::{Chunk, Marks};
