//! Small-batch GEMM: matrix products of up to eight rows, by the kernel of oneDNN that CTranslate2 misses.
//!
//! A step of the decoder multiplies every matrix of weights with one row for each text. oneDNN, as a rule, first copies all weights into another
//! order, each time anew, which costs more than the product. For one row it has a kernel that reads them where they lie, but takes it only when it has
//! nothing of its own to add (`co` is one 0; what `C` holds may stay, `beta` 1). CTranslate2 has it add a number to each column, which makes up for its
//! signed numbers being sent as unsigned ones. So the linker brings CTranslate2's calls here (`build.rs`), and those of few rows are done row by
//! row, upon sums that hold these numbers already: the same integers, for one row in two fifths of the time (docs/decisions/small-batch-gemm.md has the figures).
//!
//! Formula and arguments are those of oneDNN's `dnnl_gemm_u8s8s32` (dnnl.h 3.x): `C = alpha · A · B + beta · C + co`, matrices by rows, sizes in elements.

#![allow(unsafe_code)] // the arguments are C's
#![allow(clippy::many_single_char_names)] // and the names the formula's

use std::ffi::{c_char, c_int, c_uint};
use std::sync::LazyLock;

/// With more rows the copy is cheaper: both ways cost the same with nine or ten of them (AMD EPYC with VNNI, 512 × 512 to 1280 × 5120 weights).
const ROWS: i64 = 8;
/// Bytes of weights that are multiplied with all rows before the next ones, so that they stay in a core's own cache.
const BLOCK: i64 = 256 * 1024;
/// Columns that the kernel does at a time.
const COLUMNS: i64 = 16;
/// `dnnl_cpu_isa_avx512_core`: the bits of what the kernel for a row needs.
const AVX512_CORE: c_uint = 0x27;

/// Declares oneDNN's product under one of the names that the linker gives it.
macro_rules! product {
    ($name:ident) => {
        unsafe extern "C-unwind" {
            fn $name(
                trans_a: c_char,
                trans_b: c_char,
                offset_c: c_char,
                m: i64,
                n: i64,
                k: i64,
                alpha: f32,
                a: *const u8,
                lda: i64,
                ao: u8,
                b: *const i8,
                ldb: i64,
                bo: i8,
                beta: f32,
                c: *mut i32,
                ldc: i64,
                co: *const i32,
            ) -> c_int;
        }
    };
}

// What the name stands for without the linker's detour.
product!(__real_dnnl_gemm_u8s8s32);

unsafe extern "C" {
    fn dnnl_get_effective_cpu_isa() -> c_uint;
}

/// Whether oneDNN has the kernel for a row here. What it is allowed to use may be less than the CPU has (`ONEDNN_MAX_CPU_ISA`).
// SAFETY: it takes nothing, and may be called from any thread.
static HAS_ROW_KERNEL: LazyLock<bool> =
    LazyLock::new(|| unsafe { dnnl_get_effective_cpu_isa() } & AVX512_CORE == AVX512_CORE);

/// What CTranslate2 calls as `dnnl_gemm_u8s8s32`.
///
/// # Safety
/// What that function asks for: `a`, `b`, `c` hold matrices of these sizes, and `co` a number for each column with `offset_c` 'R'; `c` overlaps nothing.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn __wrap_dnnl_gemm_u8s8s32(
    trans_a: c_char,
    trans_b: c_char,
    offset_c: c_char,
    m: i64,
    n: i64,
    k: i64,
    alpha: f32,
    a: *const u8,
    lda: i64,
    ao: u8,
    b: *const i8,
    ldb: i64,
    bo: i8,
    beta: f32,
    c: *mut i32,
    ldc: i64,
    co: *const i32,
) -> c_int {
    // As CTranslate2's layers ask; what is odd, oneDNN itself is to judge.
    let is_layer = (trans_a, trans_b, offset_c) == (b'N' as c_char, b'T' as c_char, b'R' as c_char)
        && (alpha, beta, ao, bo) == (1.0, 0.0, 0, 0)
        && (lda >= k && ldb >= k && ldc >= n)
        && !c.is_null()
        && !co.is_null();
    if !is_layer || !(1..=ROWS).contains(&m) || n < 1 || k < 1 || !*HAS_ROW_KERNEL {
        // SAFETY: the caller's arguments, as they are.
        return unsafe {
            __real_dnnl_gemm_u8s8s32(
                trans_a, trans_b, offset_c, m, n, k, alpha, a, lda, ao, b, ldb, bo, beta, c, ldc, co,
            )
        };
    }
    #[cfg(test)]
    tests::COUNT.with(|count| count.set(count.get() + 1));
    // A single row meets no weight twice.
    let block = if m == 1 { n } else { (BLOCK / k).max(COLUMNS) / COLUMNS * COLUMNS };
    for first in (0..n).step_by(block as usize) {
        let columns = block.min(n - first);
        for row in 0..m {
            // SAFETY: row and first column are inside of what the caller answers for, and so many columns are left; a row of `c` begins `ldc` after the
            // one before, and overlaps neither it nor `co`.
            let status = unsafe {
                let sums = c.offset((row * ldc + first) as isize);
                std::ptr::copy_nonoverlapping(co.offset(first as isize), sums, columns as usize);
                __real_dnnl_gemm_u8s8s32(
                    trans_a,
                    trans_b,
                    b'F' as c_char,
                    1,
                    columns,
                    k,
                    1.0,
                    a.offset((row * lda) as isize),
                    lda,
                    0,
                    b.offset((first * ldb) as isize),
                    ldb,
                    0,
                    1.0,
                    sums,
                    ldc,
                    &0,
                )
            };
            if status != 0 {
                return status;
            }
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        /// Products of few rows in this thread.
        pub(super) static COUNT: Cell<usize> = const { Cell::new(0) };
    }

    // As CTranslate2 calls it: the linker's detour is part of the test.
    product!(dnnl_gemm_u8s8s32);

    /// The product as CTranslate2 asks for it, in rows of `ldc` that hold something else before.
    fn product(size: (usize, usize, usize), ldc: usize, a: &[u8], b: &[i8], co: &[i32]) -> Vec<i32> {
        let (m, n, k) = (size.0 as i64, size.1 as i64, size.2 as i64);
        let mut c = vec![-7; size.0 * ldc];
        let (normal, transposed, row) = (b'N' as c_char, b'T' as c_char, b'R' as c_char);
        assert_eq!((a.len(), b.len(), co.len()), (size.0 * size.2, size.1 * size.2, size.1));
        // SAFETY: the sizes are those of the slices.
        let status = unsafe {
            dnnl_gemm_u8s8s32(
                normal,
                transposed,
                row,
                m,
                n,
                k,
                1.0,
                a.as_ptr(),
                k,
                0,
                b.as_ptr(),
                k,
                0,
                0.0,
                c.as_mut_ptr(),
                ldc as i64,
                co.as_ptr(),
            )
        };
        assert_eq!(status, 0);
        c
    }

    #[test]
    fn small_batches_give_the_very_integers_that_the_product_is_by_definition() {
        let mut seed = 1_u32;
        let mut number = move || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 16
        };
        // The last has more weights than a block, and neither columns nor depth of a kernel's step.
        for (n, k) in [(1, 1), (17, 64), (512, 512), (700, 1001)] {
            for m in 1..=10 {
                // Small enough that no pair of products leaves 16 bits where the CPU has no VNNI.
                let a: Vec<u8> = (0..m * k).map(|_| (number() % 256) as u8).collect();
                let b: Vec<i8> = (0..n * k).map(|_| (number() % 127) as i8 - 63).collect();
                let co: Vec<i32> = (0..n).map(|_| number() as i32 - 30_000).collect();
                let ldc = n + 3;
                let before = COUNT.with(Cell::get);
                let found = product((m, n, k), ldc, &a, &b, &co);
                let quick = COUNT.with(Cell::get) - before;
                assert_eq!(quick, usize::from(m <= ROWS as usize && *HAS_ROW_KERNEL), "the linker's detour; {m} rows");
                for row in 0..m {
                    for column in 0..n {
                        let pairs = a[row * k..][..k].iter().zip(&b[column * k..][..k]);
                        let sum: i32 = pairs.map(|(&x, &y)| i32::from(x) * i32::from(y)).sum();
                        assert_eq!(found[row * ldc + column], sum + co[column], "{m} × {n} × {k}: {row}, {column}");
                    }
                    let beside = &found[row * ldc + n..(row + 1) * ldc];
                    assert_eq!(beside, [-7; 3], "what lies between the rows is nobody's");
                }
            }
        }
    }
}
