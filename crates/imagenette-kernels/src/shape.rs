//! Errors about sizes, and products of sizes that cannot overflow.

/// Why a kernel cannot be built for some sizes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// A size that must be at least one is zero.
    #[error("{what} is zero")]
    Zero {
        /// Which size.
        what: &'static str,
    },
    /// The window is larger than the padded image, so that there is no output.
    #[error(
        "a window of {window} pixels does not fit an image of {side} pixels with {padding} pixels of padding on each side"
    )]
    WindowTooLarge {
        /// Side of the window.
        window: usize,
        /// Side of the image.
        side: usize,
        /// Padding on each side.
        padding: usize,
    },
    /// The padding is as large as the window, so that some outputs would see nothing but padding.
    #[error("padding of {padding} pixels is not smaller than the window of {window} pixels")]
    PaddingTooLarge {
        /// Side of the window.
        window: usize,
        /// Padding on each side.
        padding: usize,
    },
    /// The number of elements does not fit the address space.
    #[error("the number of elements of {what} overflows")]
    Overflow {
        /// Which tensor.
        what: &'static str,
    },
}

/// The product of `sizes` as a number of f32 elements that an allocation can hold.
pub(crate) fn elements(what: &'static str, sizes: &[usize]) -> Result<usize, ShapeError> {
    let product = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    product.filter(|&count| count <= isize::MAX as usize / 16).ok_or(ShapeError::Overflow { what })
}

/// How many windows fit along a side.
pub(crate) fn windows(side: usize, window: usize, stride: usize, padding: usize) -> Result<usize, ShapeError> {
    for (what, size) in [("the window's side", window), ("the stride", stride), ("the image's side", side)] {
        if size == 0 {
            return Err(ShapeError::Zero { what });
        }
    }
    if padding >= window {
        return Err(ShapeError::PaddingTooLarge { window, padding });
    }
    let padded = padded_side(side, padding)?;
    if padded < window {
        return Err(ShapeError::WindowTooLarge { window, side, padding });
    }
    Ok((padded - window) / stride + 1)
}

fn padded_side(side: usize, padding: usize) -> Result<usize, ShapeError> {
    padding
        .checked_mul(2)
        .and_then(|border| border.checked_add(side))
        .filter(|&padded| padded <= isize::MAX as usize)
        .ok_or(ShapeError::Overflow { what: "a padded side" })
}

/// How many windows begin along a side, the last of which may reach past the border, as with PyTorch's `ceil_mode`.
pub(crate) fn windows_begun(side: usize, window: usize, stride: usize, padding: usize) -> Result<usize, ShapeError> {
    // Checks the other sizes, with the window cut to the padded side.
    windows(side, window.min(padded_side(side, padding)?), stride, padding)?;
    let begun = padded_side(side, padding)?.saturating_sub(window).div_ceil(stride) + 1;
    // A window that would begin in the padding after the image sees nothing.
    let beyond = (begun - 1).checked_mul(stride).is_none_or(|start| start >= side + padding);
    Ok(if beyond { begun - 1 } else { begun })
}

/// Panics with a clear message unless a slice has the length that its shape asks for.
#[track_caller]
pub(crate) fn check_len(what: &str, found: usize, expected: usize) {
    assert!(found == expected, "{what} should have {expected} elements, not {found}");
}
