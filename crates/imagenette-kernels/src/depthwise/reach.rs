//! Which pixels read which along an axis: for every output the inputs in its window, and for every input the outputs
//! whose window holds it.

/// What is beyond the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Border {
    /// Zeros, which add nothing.
    Zeros,
    /// The image mirrored at its outermost pixels, which are not repeated themselves.
    Mirror,
}

/// For every pixel of one side the pixels of the other side and the taps between them, in a fixed order.
pub(crate) struct Reach(Vec<Vec<(usize, usize)>>);

impl Reach {
    /// The inputs that outputs read, and the outputs that read inputs.
    pub(crate) fn both_ways(
        side: usize,
        outputs: usize,
        [window, stride, padding]: [usize; 3],
        border: Border,
    ) -> [Self; 2] {
        let mut of_outputs = vec![Vec::new(); outputs];
        let mut of_inputs = vec![Vec::new(); side];
        for (output, reads) in of_outputs.iter_mut().enumerate() {
            for tap in 0..window {
                let place = (output * stride + tap) as isize - padding as isize;
                let input = match border {
                    _ if (0..side as isize).contains(&place) => place as usize,
                    Border::Zeros => continue,
                    Border::Mirror if place < 0 => place.unsigned_abs().min(side - 1),
                    Border::Mirror => (2 * (side - 1)).saturating_sub(place as usize),
                };
                reads.push((input, tap));
                of_inputs[input].push((output, tap));
            }
        }
        [Self(of_outputs), Self(of_inputs)]
    }

    /// The pixels that this one reads, with their taps.
    pub(crate) fn of(&self, pixel: usize) -> &[(usize, usize)] {
        &self.0[pixel]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirrored_border_repeats_the_second_pixel() {
        let [outputs, inputs] = Reach::both_ways(4, 2, [3, 2, 1], Border::Mirror);
        assert_eq!(outputs.of(0), [(1, 0), (0, 1), (1, 2)]);
        assert_eq!(outputs.of(1), [(1, 0), (2, 1), (3, 2)]);
        assert_eq!(inputs.of(1), [(0, 0), (0, 2), (1, 0)]);
        let [single, _] = Reach::both_ways(1, 1, [3, 2, 1], Border::Mirror);
        assert_eq!(single.of(0), [(0, 0), (0, 1), (0, 2)]);
    }

    #[test]
    fn zeros_are_not_read() {
        let [outputs, _] = Reach::both_ways(2, 2, [3, 1, 1], Border::Zeros);
        assert_eq!(outputs.of(0), [(0, 1), (1, 2)]);
        assert_eq!(outputs.of(1), [(0, 0), (1, 1)]);
    }
}
