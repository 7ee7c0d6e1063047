//! Numbers of at most eight digits, without the divisions that are slow in the engine.

/// Divides a number below 2^31 by `D` with a multiplication: the engine's compiler would emit a
/// division, which costs as much as ten additions.
#[inline(always)]
pub(crate) const fn divide<const D: u32>(number: u32) -> u32 {
    // Rounded up, a reciprocal of 31 bits and those of `D` is exact for such numbers (Granlund and
    // Montgomery, 1994).
    let shift = const { 31 + (u32::BITS - (D - 1).leading_zeros()) };
    let reciprocal =
        const { (1_u64 << (31 + (u32::BITS - (D - 1).leading_zeros()))).div_ceil(D as u64) };
    ((number as u64 * reciprocal) >> shift) as u32
}

/// The digits of a number below 100 000 000: four, two and one at a time side by side.
#[inline(always)]
pub(crate) const fn eight_digits(number: u32) -> [u8; 8] {
    let high = divide::<10_000>(number);
    let fours = high as u64 | ((number - high * 10_000) as u64) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007F_0000_007F;
    let twos = hundreds | (fours - 100 * hundreds) << 16;
    let tens = ((twos * 103) >> 10) & 0x000F_000F_000F_000F;
    let ones = tens | (twos - 10 * tens) << 8;
    (ones | 0x3030_3030_3030_3030).to_le_bytes()
}

/// The number of eight digits, four, two and one at a time side by side.
#[inline(always)]
pub(crate) const fn number_of_eight(digits: [u8; 8]) -> u32 {
    let digits = u64::from_le_bytes(digits) & 0x0F0F_0F0F_0F0F_0F0F;
    let pairs = (digits.wrapping_mul((10 << 8) + 1) >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs.wrapping_mul((100 << 16) + 1) >> 16) & 0x0000_FFFF_0000_FFFF;
    (fours.wrapping_mul((10_000 << 32) + 1) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divide_by_reciprocal_gives_the_exact_quotient() {
        fn check<const D: u32>() {
            let last = (1 << 31) - 1;
            let around = [0, 1, D - 1, D, D + 1, last / D * D - 1, last / D * D, last];
            let sample = (0..2_000).map(|n| n * 1_073_741).chain(around);
            for number in sample {
                assert_eq!(divide::<D>(number), number / D, "{number} / {D}");
            }
        }
        check::<10>();
        check::<60>();
        check::<1000>();
        check::<10_000>();
        check::<84_375>();
    }
}
