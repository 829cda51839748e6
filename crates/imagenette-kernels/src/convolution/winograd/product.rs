//! The products behind the output and the input's gradient: tiles of the source are transformed, multiplied at each
//! point with the transformed weights, and transformed back.

use super::transforms::{self, INPUT_SIDE, OUTPUT_SIDE, POINTS};
use super::{Aligned, Kernels, Level, Levels, Number, Scattered, Simd, Work, apart};
use crate::convolution::tile::{GatherTile, TILE_PIXELS};
use crate::normalization::{MomentPlaces, PartMoments};
use crate::number::{is_bf16, per_word};
use crate::simd::MAX_LANES;
use crate::tasks::for_each;
use std::ops::Range;

/// Tiles per task: their transformed numbers stay near the second-level cache, and weights that are loaded once serve
/// all of them. A multiple of a register tile's rows.
const BLOCK_TILES: usize = 8 * TILE_PIXELS;
/// Output channels whose products wait for the transform back.
const GROUP_CHANNELS: usize = 64;
/// With fewer blocks than this, tasks share the transformed tiles and divide the output channels among themselves.
const BLOCKS_ALONE: usize = 12;
/// The number of tasks to aim for, so that threads of unequal speed finish together.
const TASKS: usize = 24;

/// What is multiplied: images in NHWC. Each tile of 6×6 pixels gives 4×4 pixels of the grid, and tiles begin four
/// pixels apart.
pub(super) struct Product<'a, T> {
    pub(super) source: &'a [T],
    pub(super) images: usize,
    pub(super) side: [usize; 2],
    pub(super) channels: usize,
    pub(super) padding: [usize; 2],
    pub(super) grid: [usize; 2],
}

/// Transformed tiles: at each point a matrix `[tile][channel]`, `pitch` numbers from one tile to the next.
pub(super) struct Tiles<'a, W = f32> {
    pub(super) numbers: Scattered<'a, W>,
    /// The first tile.
    pub(super) first: usize,
    pub(super) pitch: usize,
    /// From a point's matrix to the next.
    pub(super) point_pitch: usize,
}

impl<'a, W: Number> Tiles<'a, W> {
    /// Room for `count` tiles.
    pub(super) fn len(count: usize, pitch: usize) -> usize {
        POINTS * Self::point_pitch(count, pitch)
    }

    pub(super) fn point_pitch(count: usize, pitch: usize) -> usize {
        count * pitch + apart::<W>()
    }

    pub(super) fn new(numbers: &'a mut [W], first: usize, count: usize, pitch: usize) -> Self {
        assert!(numbers.len() >= Self::len(count, pitch));
        Self { numbers: Scattered::new(numbers), first, pitch, point_pitch: Self::point_pitch(count, pitch) }
    }

    /// Where a tile's numbers at a point begin.
    pub(super) fn start(&self, tile: usize, point: usize) -> usize {
        point * self.point_pitch + (tile - self.first) * self.pitch
    }
}

impl<T: Number> Product<'_, T> {
    /// Tiles along both axes of an image.
    fn tiled(&self) -> [usize; 2] {
        self.grid.map(|side| side.div_ceil(OUTPUT_SIDE))
    }

    pub(super) fn tiles(&self) -> usize {
        self.images * self.tiled()[0] * self.tiled()[1]
    }

    /// Fills `target`, `[images, grid, grid, outputs]`, and measures it if there are moments to fill. Transformed
    /// tiles are stored as `W`, and multiplied in its words.
    pub(super) fn run<W: Number>(
        &self,
        level: Level,
        kernels: &Kernels,
        target: &mut [T],
        moments: Option<&mut PartMoments>,
    ) {
        let (tiles, panels) = (self.tiles(), kernels.count());
        assert_eq!(self.source.len(), self.images * self.side[0] * self.side[1] * self.channels);
        assert_eq!(target.len(), self.images * self.grid[0] * self.grid[1] * kernels.outputs);
        assert_eq!(kernels.words * per_word::<W>(), self.channels);
        if tiles == 0 {
            return;
        }
        let blocks = tiles.div_ceil(BLOCK_TILES);
        let block = |i: usize| i * BLOCK_TILES..tiles.min((i + 1) * BLOCK_TILES);
        let target = Scattered::new(target);
        let moments = moments.map(|moments| moments.places((0..blocks).map(|i| self.pixels(block(i))).collect()));
        if blocks >= BLOCKS_ALONE {
            for_each(blocks, |i| {
                let mut numbers = Aligned::<W>::scratch(Tiles::<W>::len(BLOCK_TILES, self.channels));
                let transformed = Tiles::new(&mut numbers, i * BLOCK_TILES, BLOCK_TILES, self.channels);
                level.run(Transform { product: self, tiles: block(i), to: &transformed });
                level.run(Multiply {
                    product: self,
                    kernels,
                    tiles: block(i),
                    panels: 0..panels,
                    transformed: &transformed,
                    target,
                    moments: moments.map(|moments| (i, moments)),
                });
            });
            return;
        }
        let room = tiles.next_multiple_of(TILE_PIXELS);
        let mut numbers = Aligned::<W>::scratch(Tiles::<W>::len(room, self.channels));
        let transformed = Tiles::new(&mut numbers, 0, room, self.channels);
        for_each(tiles.div_ceil(TILE_PIXELS), |i| {
            let tiles = i * TILE_PIXELS..tiles.min((i + 1) * TILE_PIXELS);
            level.run(Transform { product: self, tiles, to: &transformed });
        });
        let groups = TASKS.div_ceil(blocks).clamp(1, panels);
        // Tasks for the same channels follow each other, so that their weights come from the cache.
        for_each(groups * blocks, |task| {
            let (group, i) = (task / blocks, task % blocks);
            let panels = panels * group / groups..panels * (group + 1) / groups;
            let moments = moments.map(|moments| (i, moments));
            let tiles = block(i);
            level.run(Multiply { product: self, kernels, tiles, panels, transformed: &transformed, target, moments });
        });
    }

    /// Pixels of the grid that some tiles produce.
    fn pixels(&self, tiles: Range<usize>) -> usize {
        if self.grid.iter().all(|side| side.is_multiple_of(OUTPUT_SIDE)) {
            return tiles.len() * OUTPUT_SIDE * OUTPUT_SIDE;
        }
        tiles.map(|tile| self.sides(self.place(tile)).iter().product::<usize>()).sum()
    }

    /// Rows and columns of the grid that a tile produces: fewer at the grid's end.
    fn sides(&self, [_, row, column]: [usize; 3]) -> [usize; 2] {
        [OUTPUT_SIDE.min(self.grid[0] - row * OUTPUT_SIDE), OUTPUT_SIDE.min(self.grid[1] - column * OUTPUT_SIDE)]
    }

    /// Where the pixels of a tile are; a tile past the last is all padding.
    pub(super) fn pixels_of(&self, tile: usize) -> TilePixels<T> {
        let mut pixels = [(zeros(), 0); POINTS];
        if tile >= self.tiles() {
            return pixels;
        }
        let [image, row, column] = self.place(tile);
        for (point, pixel) in pixels.iter_mut().enumerate() {
            let y = (row * OUTPUT_SIDE + point / INPUT_SIDE).wrapping_sub(self.padding[0]);
            let x = (column * OUTPUT_SIDE + point % INPUT_SIDE).wrapping_sub(self.padding[1]);
            if y < self.side[0] && x < self.side[1] {
                let first = ((image * self.side[0] + y) * self.side[1] + x) * self.channels;
                *pixel = (self.source[first..first + self.channels].as_ptr(), 1);
            }
        }
        pixels
    }

    /// Image, row and column of a tile.
    pub(super) fn place(&self, tile: usize) -> [usize; 3] {
        let [rows, columns] = self.tiled();
        [tile / (rows * columns), tile / columns % rows, tile % columns]
    }
}

/// Transforms some tiles of the source.
struct Transform<'a, W, T> {
    product: &'a Product<'a, T>,
    tiles: Range<usize>,
    to: &'a Tiles<'a, W>,
}

impl<W: Number, T: Number> Work for Transform<'_, W, T> {
    type Output = ();
    const LEVELS: Levels = Levels::multiplying::<W, T>();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product, tiles, to } = self;
        let channels = product.channels;
        assert!(channels.is_multiple_of(S::LANES) && channels <= to.pitch);
        for tile in tiles {
            let pixels = product.pixels_of(tile);
            for channel in (0..channels).step_by(S::LANES) {
                // SAFETY: `channel` begins a vector of the product's channels.
                let points = unsafe { transform(s, &pixels, channel) };
                for (y, points) in points.into_iter().enumerate() {
                    for (x, number) in points.into_iter().enumerate() {
                        let place = to.start(tile, y * INPUT_SIDE + x) + channel;
                        // SAFETY: each tile is transformed by one thread, and read when all are done.
                        unsafe { s.store_numbers_to(number, to.numbers.at(place, S::LANES)) };
                    }
                }
            }
        }
    }
}

/// Where the pixels of padding are: a vector of zeros.
pub(super) fn zeros<T: Number>() -> *const T {
    static ZEROS: [f32; MAX_LANES] = [0.0; MAX_LANES];
    bytemuck::cast_slice(&ZEROS).as_ptr()
}

/// Where the channels of each pixel of a tile begin, and how far the address moves from channel to channel: 1, or 0 in
/// padding.
pub(super) type TilePixels<T> = [(*const T, usize); POINTS];

/// The points of a tile for the vector of channels that begins at `channel`.
///
/// # Safety
/// The pixels are of a tile whose channels hold a vector from `channel` on.
#[inline(always)]
pub(super) unsafe fn transform<S: Simd, T: Number>(
    s: S,
    pixels: &TilePixels<T>,
    channel: usize,
) -> [[S::V; INPUT_SIDE]; INPUT_SIDE] {
    let numbers = each!(y in [0 1 2 3 4 5] => each!(x in [0 1 2 3 4 5] => {
        let (first, moves) = pixels[y * INPUT_SIDE + x];
        // SAFETY: a pixel of the source has these numbers by the caller's promise, and the zeros fill a vector.
        unsafe { s.load_numbers_from(first.add(channel * moves)) }
    }));
    transforms::input_tile(s, numbers)
}

/// Multiplies some transformed tiles with some panels of weights, and transforms the products back.
struct Multiply<'a, W, T> {
    product: &'a Product<'a, T>,
    kernels: &'a Kernels,
    tiles: Range<usize>,
    panels: Range<usize>,
    transformed: &'a Tiles<'a, W>,
    target: Scattered<'a, T>,
    /// The number of the part that these tiles are, and where its moments go.
    moments: Option<(usize, MomentPlaces<'a>)>,
}

impl<W: Number, T: Number> Work for Multiply<'_, W, T> {
    type Output = ();
    const LEVELS: Levels = Levels::multiplying::<W, T>();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let group = (GROUP_CHANNELS / self.kernels.width).max(1);
        let pitch = group * self.kernels.width;
        let rows = self.tiles.len().next_multiple_of(TILE_PIXELS);
        let mut products = Aligned::scratch(Tiles::<f32>::len(rows, pitch));
        let products = Tiles::new(&mut products, self.tiles.start, rows, pitch);
        for first in self.panels.clone().step_by(group) {
            let panels = first..self.panels.end.min(first + group);
            self.multiply(s, panels.clone(), &products);
            if let Some((part, moments)) = self.moments {
                let channels = self.kernels.first_of(panels.start)..self.kernels.first_of(panels.end);
                // SAFETY: tasks differ in their tiles, which are a part, or in their channels.
                let moments = unsafe { moments.of(part, channels) };
                self.transform_back::<S, true>(s, panels, &products, moments);
            } else {
                self.transform_back::<S, false>(s, panels, &products, Default::default());
            }
        }
    }
}

impl<W: Number, T: Number> Multiply<'_, W, T> {
    #[inline(always)]
    fn multiply<S: Simd>(&self, s: S, panels: Range<usize>, products: &Tiles<'_>) {
        let (kernels, transformed) = (self.kernels, self.transformed);
        let channels = kernels.words * per_word::<W>();
        for point in 0..POINTS {
            for panel in panels.clone() {
                let weights = kernels.matrix(panel, point);
                let width = kernels.width_of(panel);
                let column = kernels.first_of(panel) - kernels.first_of(panels.start);
                for tile in self.tiles.clone().step_by(TILE_PIXELS) {
                    let mut rows = [std::ptr::null::<W>(); TILE_PIXELS];
                    let mut targets = [std::ptr::null_mut::<f32>(); TILE_PIXELS];
                    for i in 0..TILE_PIXELS {
                        // SAFETY: reading what was written before; in a register tile's rows past the last tile the
                        // numbers do not matter. The products are this task's own.
                        unsafe {
                            rows[i] = transformed.numbers.at(transformed.start(tile + i, point), channels);
                            targets[i] = products.numbers.at(products.start(tile + i, point) + column, width);
                        }
                    }
                    let tile = GatherTile::<W, f32> {
                        pixels: rows.as_ptr(),
                        pitch: TILE_PIXELS,
                        taps: 1,
                        run: kernels.words,
                        weights: weights.as_ptr(),
                        sums: targets,
                        targets,
                        fresh: true,
                        complete: true,
                    };
                    // SAFETY: each row has `words` words, `weights` `words * width` of them, and each target `width`.
                    unsafe { tile.add_sized(s, width / S::LANES) };
                }
            }
        }
    }

    /// Writes the pixels of a group of panels; `MEASURED`, their means and squared deviations too.
    ///
    /// Deviations are taken from the mean of the part's first tile, which is close enough to the mean of all; the
    /// difference between the two is corrected at the end.
    #[inline(always)]
    fn transform_back<S: Simd, const MEASURED: bool>(
        &self,
        s: S,
        panels: Range<usize>,
        products: &Tiles<'_>,
        [means, deviations]: [&mut [f32]; 2],
    ) {
        let (product, outputs) = (self.product, self.kernels.outputs);
        let first_channel = self.kernels.first_of(panels.start);
        let channels = self.kernels.first_of(panels.end) - first_channel;
        let mut sums = Aligned::<f32>::scratch(if MEASURED { channels } else { 0 });
        let mut pixels_done = 0;
        for tile in self.tiles.clone() {
            let place = product.place(tile);
            let ([image, row, column], [rows, columns]) = (place, product.sides(place));
            let pixel = (image * product.grid[0] + row * OUTPUT_SIDE) * product.grid[1] + column * OUTPUT_SIDE;
            for channel in (0..channels).step_by(S::LANES) {
                let points = each!(y in [0 1 2 3 4 5] => each!(x in [0 1 2 3 4 5] => {
                    let place = products.start(tile, y * INPUT_SIDE + x) + channel;
                    // SAFETY: the products are this task's own and lie within their room.
                    unsafe { s.load_from(products.numbers.at(place, S::LANES)) }
                }));
                let numbers = transforms::output_tile(s, points);
                let (mut near, mut sum, mut squares) = (s.splat(0.0), s.splat(0.0), s.splat(0.0));
                if MEASURED && pixels_done == 0 {
                    for number in numbers.iter().take(rows).flat_map(|row| row.iter().take(columns)) {
                        near = s.add(near, *number);
                    }
                    near = s.mul(near, s.splat(1.0 / (rows * columns) as f32));
                    s.store(near, &mut means[channel..]);
                } else if MEASURED {
                    near = s.load(&means[channel..]);
                    sum = s.load(&sums[channel..]);
                    squares = s.load(&deviations[channel..]);
                }
                // SAFETY: tasks differ in their tiles or in their channels.
                let put = |y: usize, x: usize, number| unsafe {
                    let place = (pixel + y * product.grid[1] + x) * outputs + first_channel + channel;
                    let to = self.target.at(place, S::LANES);
                    s.store_numbers_to(number, to);
                    // What is measured is what was stored, after rounding.
                    let stored = if MEASURED && is_bf16::<T>() { s.load_numbers_from(to) } else { number };
                    s.sub(stored, near)
                };
                if [rows, columns] == [OUTPUT_SIDE; 2] {
                    // With constant bounds the numbers stay in registers.
                    for (y, numbers) in numbers.into_iter().enumerate() {
                        let mut deviations = numbers;
                        for (x, number) in numbers.into_iter().enumerate() {
                            deviations[x] = put(y, x, number);
                        }
                        if MEASURED {
                            let [a, b, c, d] = deviations;
                            sum = s.add(sum, s.add(s.add(a, b), s.add(c, d)));
                            let half = s.mul_add(a, a, s.mul(b, b));
                            squares = s.add(squares, s.add(half, s.mul_add(c, c, s.mul(d, d))));
                        }
                    }
                } else {
                    for (y, numbers) in numbers.into_iter().enumerate().take(rows) {
                        for (x, number) in numbers.into_iter().enumerate().take(columns) {
                            let deviation = put(y, x, number);
                            if MEASURED {
                                sum = s.add(sum, deviation);
                                squares = s.mul_add(deviation, deviation, squares);
                            }
                        }
                    }
                }
                if MEASURED {
                    s.store(sum, &mut sums[channel..]);
                    s.store(squares, &mut deviations[channel..]);
                }
            }
            pixels_done += rows * columns;
        }
        if MEASURED {
            let share = 1.0 / pixels_done as f32;
            for ((mean, deviations), sum) in means.iter_mut().zip(deviations).zip(sums.iter()) {
                *mean += sum * share;
                *deviations = (*deviations - sum * sum * share).max(0.0);
            }
        }
    }
}
