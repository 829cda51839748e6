//! A plain reader of ONNX: each operator as its specification says it, in f64, with the shapes that it must have.

use std::collections::HashMap;

use imagenette_train::model::onnx::proto::{FLOAT32, GraphProto, INT64, ModelProto, NodeProto, TensorProto};

/// Numbers with a shape.
#[derive(Debug, Clone)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) numbers: Vec<f64>,
}

impl Array {
    pub(crate) fn new(shape: &[usize], numbers: Vec<f64>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), numbers.len());
        Self { shape: shape.to_vec(), numbers }
    }

    fn of(tensor: &TensorProto) -> Self {
        let shape: Vec<usize> = tensor.dims.iter().map(|&size| size as usize).collect();
        let numbers = match tensor.data_type {
            FLOAT32 => tensor
                .raw_data
                .chunks_exact(4)
                .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()).into())
                .collect(),
            INT64 => tensor
                .raw_data
                .chunks_exact(8)
                .map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap()) as f64)
                .collect(),
            other => panic!("{}: numbers of the kind {other}", tensor.name),
        };
        Self::new(&shape, numbers)
    }

    fn each(&self, function: impl Fn(f64) -> f64) -> Self {
        Self { shape: self.shape.clone(), numbers: self.numbers.iter().map(|&x| function(x)).collect() }
    }

    fn wholes(&self) -> Vec<i64> {
        self.numbers.iter().map(|&x| x as i64).collect()
    }

    /// Two arrays number by number; sizes of 1 are repeated, as NumPy does.
    fn with(&self, other: &Self, function: impl Fn(f64, f64) -> f64) -> Self {
        let rank = self.shape.len().max(other.shape.len());
        let wide = |array: &Self| [vec![1; rank - array.shape.len()], array.shape.clone()].concat();
        let (a, b) = (wide(self), wide(other));
        let shape: Vec<usize> = a.iter().zip(&b).map(|(&a, &b)| if a == 1 { b } else { a }).collect();
        assert!(a.iter().zip(&b).all(|(&a, &b)| a == b || a == 1 || b == 1), "{a:?} and {b:?}");
        let place = |of: &[usize], place: usize| {
            let (mut rest, mut stride, mut found) = (place, 1, 0);
            for (&size, &own) in shape.iter().zip(of).rev() {
                found += if own == 1 { 0 } else { rest % size * stride };
                (rest, stride) = (rest / size, stride * own);
            }
            found
        };
        let numbers = (0..shape.iter().product())
            .map(|at| function(self.numbers[place(&a, at)], other.numbers[place(&b, at)]))
            .collect();
        Self::new(&shape, numbers)
    }
}

/// The output of a file for one input. Every shape on the way is held to the one that the file says.
pub(crate) fn run(file: &ModelProto, input: Array) -> Array {
    let graph = file.graph.as_ref().expect("a graph");
    let mut values: HashMap<&str, Array> =
        graph.initializer.iter().map(|tensor| (tensor.name.as_str(), Array::of(tensor))).collect();
    assert_eq!(values.len(), graph.initializer.len(), "each name once");
    let photos = input.shape[0];
    check(graph, "photos", &input, photos);
    values.insert("photos", input);
    for node in &graph.node {
        let inputs: Vec<&Array> = node
            .input
            .iter()
            .map(|name| values.get(name.as_str()).unwrap_or_else(|| panic!("{}: `{name}` is not there yet", node.name)))
            .collect();
        let output = compute(node, &inputs);
        check(graph, &node.output[0], &output, photos);
        assert!(values.insert(&node.output[0], output).is_none(), "{} is there twice", node.output[0]);
    }
    for name in graph.initializer.iter().map(|tensor| &tensor.name) {
        assert!(graph.node.iter().any(|node| node.input.contains(name)), "nothing uses `{name}`");
    }
    values.remove("logits").expect("the output")
}

fn check(graph: &GraphProto, name: &str, found: &Array, photos: usize) {
    let mut known = graph.input.iter().chain(&graph.output).chain(&graph.value_info);
    let known = known.find(|known| known.name == name).unwrap_or_else(|| panic!("`{name}` has no type"));
    let tensor = known.r#type.as_ref().unwrap().tensor_type.as_ref().unwrap();
    assert_eq!(tensor.elem_type, FLOAT32);
    let size = |dim: &imagenette_train::model::onnx::proto::DimensionProto| match (&dim.dim_value, &dim.dim_param) {
        (Some(size), None) => *size as usize,
        (None, Some(name)) if name == "N" => photos,
        other => panic!("{other:?}"),
    };
    let shape: Vec<usize> = tensor.shape.as_ref().unwrap().dim.iter().map(size).collect();
    assert_eq!(shape, found.shape, "{name}");
}

fn wholes(node: &NodeProto, name: &str) -> Option<Vec<usize>> {
    let found = node.attribute.iter().find(|attribute| attribute.name == name)?;
    Some(if found.ints.is_empty() { vec![found.i? as usize] } else { found.ints.iter().map(|&i| i as usize).collect() })
}

fn compute(node: &NodeProto, inputs: &[&Array]) -> Array {
    let x = inputs[0];
    match node.op_type.as_str() {
        "Add" => x.with(inputs[1], |a, b| a + b),
        "Sub" => x.with(inputs[1], |a, b| a - b),
        "Mul" => x.with(inputs[1], |a, b| a * b),
        "Div" => x.with(inputs[1], |a, b| a / b),
        "Relu" => x.each(|x| x.max(0.0)),
        "Sigmoid" => x.each(|x| 1.0 / (1.0 + (-x).exp())),
        "Tanh" => x.each(f64::tanh),
        "Softplus" => x.each(|x| x.exp().ln_1p()),
        "Erf" => x.each(libm::erf),
        "BatchNormalization" => {
            let epsilon = f64::from(node.attribute[0].f.unwrap());
            let channel = |array: &Array| Array::new(&[array.numbers.len(), 1, 1], array.numbers.clone());
            let [gain, bias, mean, variance] = [1, 2, 3, 4].map(|place| channel(inputs[place]));
            let size = variance.each(|variance| (variance + epsilon).sqrt());
            x.with(&mean, |a, b| a - b).with(&size, |a, b| a / b).with(&gain, |a, b| a * b).with(&bias, |a, b| a + b)
        }
        "Conv" => convolution(node, x, inputs[1]),
        "MaxPool" => pooled(node, x, |window| window.fold(f64::NEG_INFINITY, f64::max)),
        "AveragePool" => pooled(node, x, |window| {
            let numbers: Vec<f64> = window.collect();
            numbers.iter().sum::<f64>() / numbers.len() as f64
        }),
        "GlobalMaxPool" => over_places(x, |places| places.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        "GlobalAveragePool" => over_places(x, |places| places.iter().sum::<f64>() / places.len() as f64),
        "Flatten" => Array::new(&[x.shape[0], x.shape[1..].iter().product()], x.numbers.clone()),
        "Reshape" => {
            let size = |(place, size): (usize, i64)| if size == 0 { x.shape[place] } else { size as usize };
            let shape: Vec<usize> = inputs[1].wholes().into_iter().enumerate().map(size).collect();
            Array::new(&shape, x.numbers.clone())
        }
        "Pad" => padded(node, x, &inputs[1].wholes()),
        "Slice" => sliced(x, [inputs[1], inputs[2], inputs[3]].map(Array::wholes)),
        "Transpose" => {
            assert_eq!(wholes(node, "perm"), Some(vec![0, 2, 1]));
            let &[n, rows, columns] = x.shape.as_slice() else { panic!("{:?}", x.shape) };
            let at = |n: usize, row: usize, column: usize| x.numbers[(n * rows + row) * columns + column];
            let numbers = (0..n * rows * columns).map(|i| at(i / rows / columns, i % rows, i / rows % columns));
            Array::new(&[n, columns, rows], numbers.collect())
        }
        "MatMul" => product(x, inputs[1]),
        "Gemm" => {
            assert_eq!(wholes(node, "transB"), Some(vec![1]));
            let (&[n, width], &[outputs, _]) = (x.shape.as_slice(), inputs[1].shape.as_slice()) else { panic!() };
            let dot = |row: usize, column: usize| -> f64 {
                let (a, b) = (&x.numbers[row * width..][..width], &inputs[1].numbers[column * width..][..width]);
                a.iter().zip(b).map(|(a, b)| a * b).sum()
            };
            let bias = |column: usize| inputs.get(2).map_or(0.0, |bias| bias.numbers[column]);
            let numbers = (0..n * outputs).map(|i| dot(i / outputs, i % outputs) + bias(i % outputs));
            Array::new(&[n, outputs], numbers.collect())
        }
        other => panic!("the operator `{other}`"),
    }
}

fn product(a: &Array, b: &Array) -> Array {
    let (rows, inner) = (a.shape[a.shape.len() - 2], a.shape[a.shape.len() - 1]);
    let columns = b.shape[b.shape.len() - 1];
    let count = |array: &Array| array.numbers.len() / array.shape[array.shape.len() - 2..].iter().product::<usize>();
    let batches = count(a).max(count(b));
    let part = |array: &Array, batch: usize, size: usize| (batch % count(array)) * size;
    let mut numbers = Vec::new();
    for batch in 0..batches {
        let (a, b) = (&a.numbers[part(a, batch, rows * inner)..], &b.numbers[part(b, batch, inner * columns)..]);
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            numbers.push((0..inner).map(|i| a[row * inner + i] * b[i * columns + column]).sum());
        }
    }
    Array::new(&[batches, rows, columns], numbers)
}

/// Side, stride and padding of a window.
fn window(node: &NodeProto) -> (usize, usize, [usize; 4]) {
    let square = |name: &str| {
        let sizes = wholes(node, name).unwrap();
        assert!(sizes.len() == 2 && sizes[0] == sizes[1], "{name}: {sizes:?}");
        sizes[0]
    };
    let pads = wholes(node, "pads").map_or([0; 4], |pads| pads.try_into().unwrap());
    (square("kernel_shape"), square("strides"), pads)
}

/// The number of each place of the window at (row, column) of a map that lies inside it, with its place in the window.
fn seen(
    map: &[f64],
    [height, width]: [usize; 2],
    (side, stride, pads): (usize, usize, [usize; 4]),
    (row, column): (usize, usize),
) -> impl Iterator<Item = (usize, f64)> {
    (0..side * side).filter_map(move |place| {
        let (y, x) = (row * stride + place / side, column * stride + place % side);
        let (y, x) = (y.checked_sub(pads[0])?, x.checked_sub(pads[1])?);
        (y < height && x < width).then(|| (place, map[y * width + x]))
    })
}

fn places([height, width]: [usize; 2], (side, stride, pads): (usize, usize, [usize; 4])) -> [usize; 2] {
    [(height + pads[0] + pads[2] - side) / stride + 1, (width + pads[1] + pads[3] - side) / stride + 1]
}

fn convolution(node: &NodeProto, x: &Array, weight: &Array) -> Array {
    let (&[n, channels, height, width], &[outputs, inputs, side, _]) = (x.shape.as_slice(), weight.shape.as_slice())
    else {
        panic!("{:?} and {:?}", x.shape, weight.shape)
    };
    let (with, groups) = (window(node), wholes(node, "group").unwrap()[0]);
    assert_eq!((inputs * groups, with.0), (channels, side));
    let [rows, columns] = places([height, width], with);
    let mut numbers = Vec::new();
    for (image, output) in (0..n).flat_map(|image| (0..outputs).map(move |output| (image, output))) {
        let group = output / (outputs / groups);
        for place in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            let of_channel = |input: usize| -> f64 {
                let map = &x.numbers[(image * channels + group * inputs + input) * height * width..][..height * width];
                let filter = &weight.numbers[(output * inputs + input) * side * side..][..side * side];
                seen(map, [height, width], with, place).map(|(at, number)| filter[at] * number).sum()
            };
            numbers.push((0..inputs).map(of_channel).sum());
        }
    }
    Array::new(&[n, outputs, rows, columns], numbers)
}

fn pooled(node: &NodeProto, x: &Array, of: impl Fn(&mut dyn Iterator<Item = f64>) -> f64) -> Array {
    let &[n, channels, height, width] = x.shape.as_slice() else { panic!("{:?}", x.shape) };
    let with = window(node);
    let [rows, columns] = places([height, width], with);
    let mut numbers = Vec::new();
    for map in x.numbers.chunks_exact(height * width) {
        for place in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            numbers.push(of(&mut seen(map, [height, width], with, place).map(|(_, number)| number)));
        }
    }
    Array::new(&[n, channels, rows, columns], numbers)
}

fn over_places(x: &Array, of: impl Fn(&[f64]) -> f64) -> Array {
    let places = x.shape[2] * x.shape[3];
    Array::new(&[x.shape[0], x.shape[1], 1, 1], x.numbers.chunks_exact(places).map(of).collect())
}

fn padded(node: &NodeProto, x: &Array, pads: &[i64]) -> Array {
    assert_eq!(pads, [0, 0, 1, 1, 0, 0, 1, 1]);
    let &[n, channels, height, width] = x.shape.as_slice() else { panic!("{:?}", x.shape) };
    let is_mirrored = match node.attribute[0].s.as_deref() {
        Some(b"reflect") => true,
        Some(b"edge") => false,
        other => panic!("{other:?}"),
    };
    let from = |place: usize, size: usize| match (place.checked_sub(1), is_mirrored) {
        (None, mirrored) => usize::from(mirrored),
        (Some(place), mirrored) if place == size => size - 1 - usize::from(mirrored),
        (Some(place), _) => place,
    };
    let mut numbers = Vec::new();
    for map in x.numbers.chunks_exact(height * width) {
        for (row, column) in (0..height + 2).flat_map(|row| (0..width + 2).map(move |column| (row, column))) {
            numbers.push(map[from(row, height) * width + from(column, width)]);
        }
    }
    Array::new(&[n, channels, height + 2, width + 2], numbers)
}

fn sliced(x: &Array, [starts, ends, axes]: [Vec<i64>; 3]) -> Array {
    let &[n, channels, height, width] = x.shape.as_slice() else { panic!("{:?}", x.shape) };
    assert_eq!((starts, axes), (vec![1, 1], vec![2, 3]));
    assert_eq!(ends, [height as i64, width as i64]);
    let rows = x.numbers.chunks_exact(height * width).flat_map(|map| map.chunks_exact(width).skip(1));
    Array::new(&[n, channels, height - 1, width - 1], rows.flat_map(|row| row[1..].to_vec()).collect())
}
