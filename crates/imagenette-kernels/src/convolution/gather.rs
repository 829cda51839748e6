//! The product behind the forward pass and the input's gradient: every target pixel is a sum over taps, each of which
//! reads one source pixel. Padding is a tap that reads a row of zeros, so that no image needs a border; where all
//! pixels of a register tile would read padding, the tap is skipped.
//!
//! In small images much is padding: three in ten of the products of a 3×3 convolution of 4×4 pixels. Their pixels are
//! taken place by place rather than image by image, so that the pixels of a tile have their padding in common.
#![expect(unsafe_code, reason = "addresses of source and target pixels for the register tiles")]

use super::pack::Panels;
use super::tile::{GatherTile, TILE_PIXELS};
use crate::buffer::Aligned;
use crate::level::{Level, Levels, Work};
use crate::normalization::{MomentPlaces, PartMoments};
use crate::number::{Number, is_bf16, per_word};
use crate::scattered::Scattered;
use crate::simd::{MAX_PANEL, Simd};
use crate::tasks::{for_each, for_each_chunk};
use std::ops::Range;

/// Target pixels worked on at a time: their part of the source stays in the second-level cache.
const BLOCK_PIXELS: usize = 32 * TILE_PIXELS;
/// Bytes of a panel of weights worked on at a time: they stay in the first-level cache together with the pixels.
const PANEL_BYTES: usize = 18 * 1024;
/// The fewest rows of a panel to work on at a time. In wide panels this many exceed the first-level cache, but they
/// are read in order, and a row keeps the multipliers busy longer than it takes to load; fewer rows would move the
/// sums more often.
const PANEL_ROWS: usize = 288;
/// The number of tasks to aim for, so that threads of unequal speed finish together.
const TASKS: usize = 32;

/// Grids of at most this many pixels are taken place by place.
const SMALL_GRID: usize = 100;

/// A sum over taps for every pixel of a grid; the source's numbers are read in words of `W`.
pub(super) struct Gather<'a, W> {
    /// `[images, side, side, channels]`.
    pub(super) source: &'a [W],
    pub(super) images: usize,
    pub(super) side: [usize; 2],
    pub(super) channels: usize,
    /// Numbers read for each tap: the pixel's channels, or those of several pixels of a row.
    pub(super) run: usize,
    /// For each tap, the source pixel relative to the grid pixel's place.
    pub(super) taps: Vec<[isize; 2]>,
    /// Source pixels from one grid pixel to the next.
    pub(super) step: [usize; 2],
    pub(super) grid: [usize; 2],
    pub(super) weights: &'a Panels,
    /// `[images, target_side, target_side, target_channels]`; grid pixel g goes to `target_first + g * target_step`.
    pub(super) target_side: [usize; 2],
    pub(super) target_channels: usize,
    pub(super) target_step: [usize; 2],
    pub(super) target_first: [usize; 2],
}

/// Rows of the weight panels that are worked on at a time: whole taps, or a part of the words of one tap's run.
struct Slab {
    taps: Range<usize>,
    run: Range<usize>,
}

impl<W: Number> Gather<'_, W> {
    /// Fills the grid's pixels of `target`, in parallel; the order of each number's sum depends on the sizes alone.
    /// Measures what it wrote if there are moments to fill.
    pub(super) fn run<T: Number>(&self, level: Level, target: &mut [T], moments: Option<&mut PartMoments>) {
        let pixels = self.images * self.grid[0] * self.grid[1];
        let panels = self.weights.count();
        assert!(!self.taps.is_empty(), "without taps nothing would be written");
        assert_eq!(self.weights.depth, self.taps.len() * self.words());
        assert_eq!(self.weights.outputs, self.target_channels);
        let numbers = self.images * self.side[0] * self.side[1] * self.channels;
        assert!(self.source.len() >= numbers);
        // A run is the channels of one pixel, or of several pixels of a row, which then all lie within the image,
        // except for what fills up the last word.
        let run = self.words() * per_word::<W>();
        let last = (self.grid[1].max(1) - 1) * self.step[1] * self.channels + run;
        let row = self.side[1] * self.channels + (self.source.len() - numbers);
        let one_row = self.taps.iter().all(|tap| tap[1] == 0) && last <= row;
        assert!(run <= self.channels || one_row, "a run would leave the image");
        let blocks = pixels.div_ceil(BLOCK_PIXELS);
        if blocks == 0 {
            return;
        }
        let groups = TASKS.div_ceil(blocks).clamp(1, panels);
        let zeros = vec![W::default(); run];
        // Taken place by place, the same place of all images should be contiguous.
        let by_place = self.by_place().then(|| self.source_by_place());
        let source = by_place.as_deref().unwrap_or(self.source);
        let slabs = self.slabs(level);
        let target = Scattered::new(target);
        let pixels_of = |block: usize| block * BLOCK_PIXELS..pixels.min((block + 1) * BLOCK_PIXELS);
        let moments = moments.map(|moments| moments.places((0..blocks).map(|block| pixels_of(block).len()).collect()));
        for_each(blocks * groups, |task| {
            let (block, group) = (task / groups, task % groups);
            level.run(Block {
                gather: self,
                source,
                zeros: &zeros,
                slabs: &slabs,
                pixels: pixels_of(block),
                panels: panels * group / groups..panels * (group + 1) / groups,
                target,
                moments: moments.map(|moments| (block, moments)),
            });
        });
    }

    /// Words of a run.
    fn words(&self) -> usize {
        self.run.div_ceil(per_word::<W>())
    }

    fn slabs(&self, level: Level) -> Vec<Slab> {
        let rows = (PANEL_BYTES / (4 * level.panel_channels())).max(PANEL_ROWS);
        let run = self.words();
        if run > rows {
            let parts = run.div_ceil(rows);
            let part = |tap: usize, i: usize| Slab { taps: tap..tap + 1, run: run * i / parts..run * (i + 1) / parts };
            return (0..self.taps.len()).flat_map(|tap| (0..parts).map(move |i| part(tap, i))).collect();
        }
        let count = self.taps.len().div_ceil((rows / run).max(1));
        let share = |i: usize| self.taps.len() * i / count;
        (0..count).map(|i| Slab { taps: share(i)..share(i + 1), run: 0..run }).collect()
    }

    /// Whether pixels are taken place by place: `[grid, grid, images]` rather than `[images, grid, grid]`. A run of
    /// several pixels of a row needs them side by side, as they are only image by image.
    fn by_place(&self) -> bool {
        self.taps.len() > 1
            && self.run <= self.channels
            && self.images >= TILE_PIXELS
            && self.grid[0] * self.grid[1] <= SMALL_GRID
    }

    /// The source as `[side, side, images, channels]`.
    fn source_by_place(&self) -> Aligned<W> {
        let mut sorted = Aligned::scratch(self.source.len());
        let image = self.side[0] * self.side[1] * self.channels;
        for_each_chunk(&mut sorted[..], self.images * self.channels, |place, to| {
            for (to, image) in to.chunks_exact_mut(self.channels).zip(self.source.chunks_exact(image)) {
                to.copy_from_slice(&image[place * self.channels..][..self.channels]);
            }
        });
        sorted
    }

    /// Image, row and column of a grid pixel.
    fn place(&self, by_place: bool, pixel: usize) -> [usize; 3] {
        if by_place {
            let (place, image) = (pixel / self.images, pixel % self.images);
            return [image, place / self.grid[1], place % self.grid[1]];
        }
        let (row, x) = (pixel / self.grid[1], pixel % self.grid[1]);
        [row / self.grid[0], row % self.grid[0], x]
    }

    /// Where a grid pixel's window begins in the source.
    fn origin(&self, by_place: bool, [image, y, x]: [usize; 3]) -> Origin {
        let (y, x) = (y * self.step[0], x * self.step[1]);
        let place = (y * self.side[1] + x) as isize;
        let (image, images) = (image as isize, self.images as isize);
        let pixels = (self.side[0] * self.side[1]) as isize;
        let pixel = if by_place { place * images + image } else { image * pixels + place };
        Origin { y: y as isize, x: x as isize, number: pixel * self.channels as isize }
    }

    /// Index of a grid pixel's first number in the target.
    fn target_of(&self, [image, y, x]: [usize; 3]) -> usize {
        let y = self.target_first[0] + y * self.target_step[0];
        let x = self.target_first[1] + x * self.target_step[1];
        ((image * self.target_side[0] + y) * self.target_side[1] + x) * self.target_channels
    }
}

/// The source pixel that a tap without offset would read, and the index of its first number; it may be outside the
/// image.
#[derive(Clone, Copy)]
struct Origin {
    y: isize,
    x: isize,
    number: isize,
}

/// Some pixels of the grid and some panels of channels: one thread's task.
struct Block<'a, W, T> {
    gather: &'a Gather<'a, W>,
    source: &'a [W],
    zeros: &'a [W],
    slabs: &'a [Slab],
    pixels: Range<usize>,
    panels: Range<usize>,
    target: Scattered<'a, T>,
    /// The number of the part that these pixels are, and where its moments go.
    moments: Option<(usize, MomentPlaces<'a>)>,
}

impl<W: Number, T: Number> Work for Block<'_, W, T> {
    type Output = ();
    const LEVELS: Levels = Levels::multiplying::<W, T>();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { gather, source, zeros, slabs, pixels, panels, target, moments } = self;
        let by_place = gather.by_place();
        let places: Vec<[usize; 3]> = pixels.map(|pixel| gather.place(by_place, pixel)).collect();
        let pitch = places.len().next_multiple_of(TILE_PIXELS);
        let mut origins: Vec<Origin> = places.iter().map(|&place| gather.origin(by_place, place)).collect();
        // The last tile is filled up with the last pixel, whose sums are then not written.
        origins.resize(pitch, origins[origins.len() - 1]);
        let first_channel = panels.start * gather.weights.width;
        let channels = gather.target_channels.min(panels.end * gather.weights.width) - first_channel;
        let targets: Vec<*mut T> = places
            .iter()
            // SAFETY: tasks differ in their pixels or in their panels, and different pixels of a grid have different
            // targets; so no other thread touches these channels of this pixel.
            .map(|&place| unsafe { target.at(gather.target_of(place) + first_channel, channels) })
            .collect();
        // Incomplete sums wait in the target if it can hold them unrounded, else here.
        let apart = is_bf16::<T>() && slabs.len() > 1;
        let sums_pitch = if apart { channels.next_multiple_of(S::LANES) } else { 0 };
        let mut waiting = Aligned::<f32>::scratch(pitch * sums_pitch);
        let waiting = waiting.as_mut_ptr();
        let mut sources: Vec<*const W> = Vec::new();
        let mut spare = [[T::default(); MAX_PANEL]; TILE_PIXELS];
        for (rank, slab) in slabs.iter().enumerate() {
            sources.resize(slab.taps.len() * pitch, std::ptr::null());
            let first_number = slab.run.start * per_word::<W>();
            for (sources, tap) in sources.chunks_exact_mut(pitch).zip(slab.taps.clone()) {
                let [dy, dx] = gather.taps[tap];
                let pixels_apart = if by_place { gather.images } else { 1 } * gather.channels;
                let offset = (dy * gather.side[1] as isize + dx) * pixels_apart as isize + first_number as isize;
                let no_numbers = zeros[first_number..].as_ptr();
                let tiles = sources.as_chunks_mut::<TILE_PIXELS>().0.iter_mut();
                for (sources, origins) in tiles.zip(origins.as_chunks::<TILE_PIXELS>().0) {
                    let mut inside = 0;
                    for (address, origin) in sources.iter_mut().zip(origins) {
                        // A negative coordinate becomes a huge one.
                        let there =
                            ((origin.y + dy) as usize) < gather.side[0] && ((origin.x + dx) as usize) < gather.side[1];
                        inside += usize::from(there);
                        let numbers = source.as_ptr().wrapping_offset(origin.number + offset);
                        *address = if there { numbers } else { no_numbers };
                    }
                    if inside == 0 {
                        sources[0] = std::ptr::null();
                    }
                }
            }
            let (fresh, complete) = (rank == 0, rank + 1 == slabs.len());
            for panel in panels.clone() {
                let width = gather.weights.width_of(panel);
                let rows =
                    &gather.weights.rows_of(panel)[(slab.taps.start * gather.words() + slab.run.start) * width..];
                assert!(rows.len() >= slab.taps.len() * slab.run.len() * width);
                let offset = panel * gather.weights.width - first_channel;
                let count = width.min(channels - offset);
                for (first, targets) in (0..pitch).step_by(TILE_PIXELS).zip(targets.chunks(TILE_PIXELS)) {
                    // Pixels past the end and padding channels go to a spare tile.
                    let mut moved: [*mut T; TILE_PIXELS] = std::array::from_fn(|p| spare[p].as_mut_ptr());
                    if count == width {
                        for (moved, target) in moved.iter_mut().zip(targets) {
                            *moved = target.wrapping_add(offset);
                        }
                    } else if !apart && !fresh {
                        for (spare, target) in moved.iter().zip(targets) {
                            // SAFETY: the target has `count` numbers from `offset` on, the spare row at least as many.
                            unsafe { spare.copy_from_nonoverlapping(target.add(offset), count) };
                        }
                    }
                    let sums: [*mut f32; TILE_PIXELS] = if apart {
                        std::array::from_fn(|p| waiting.wrapping_add((first + p) * sums_pitch + offset))
                    } else {
                        moved.map(|target| target.cast())
                    };
                    let tile = GatherTile {
                        pixels: sources.as_ptr().wrapping_add(first),
                        pitch,
                        taps: slab.taps.len(),
                        run: slab.run.len(),
                        weights: rows.as_ptr(),
                        sums,
                        targets: moved,
                        fresh,
                        complete,
                    };
                    // SAFETY: `sources` holds `pitch` addresses for each tap, `first` is a multiple of a tile below
                    // `pitch`; each is that of a pixel within the source, whose run `run` found to fit, or of as many
                    // zeros; `rows` was checked above; the targets are this task's and have `width` numbers left, or
                    // are rows of the spare tile. The sums wait in `waiting`, which has `width` numbers from `offset`
                    // on for each of `pitch` pixels; or in the target, which is of f32 then; with a single slab,
                    // nowhere.
                    unsafe { tile.add_sized(s, width / S::LANES) };
                    if count < width && (complete || !apart) {
                        for (spare, target) in moved.iter().zip(targets) {
                            // SAFETY: as before the tile.
                            unsafe { target.add(offset).copy_from_nonoverlapping(*spare, count) };
                        }
                    }
                }
            }
        }
        if let Some((part, moments)) = moments {
            // SAFETY: tasks differ in their pixels, which are a part, or in their channels, and the rows of the
            // targets are this task's own, each of `channels` numbers.
            unsafe { measure(s, &targets, moments.of(part, first_channel..first_channel + channels)) };
        }
    }
}

/// Means and squared deviations of the channels of some pixels, which were just written.
///
/// # Safety
/// Each address has as many readable numbers as there are moments.
#[inline(always)]
unsafe fn measure<S: Simd, T: Number>(s: S, pixels: &[*mut T], [means, deviations]: [&mut [f32]; 2]) {
    let share = s.splat(1.0 / pixels.len() as f32);
    for first in (0..means.len()).step_by(S::LANES) {
        let lanes = first..means.len().min(first + S::LANES);
        let load = |pixel: &*mut T| {
            // SAFETY: the caller's promise.
            let numbers = unsafe { std::slice::from_raw_parts(pixel.add(first).cast_const(), lanes.len()) };
            s.load_some(numbers)
        };
        let sum = pixels.iter().fold(s.splat(0.0), |sum, pixel| s.add(sum, load(pixel)));
        let mean = s.mul(sum, share);
        let squares = pixels.iter().fold(s.splat(0.0), |squares, pixel| {
            let deviation = s.sub(load(pixel), mean);
            s.mul_add(deviation, deviation, squares)
        });
        s.store_some(mean, &mut means[lanes.clone()]);
        s.store_some(squares, &mut deviations[lanes]);
    }
}
