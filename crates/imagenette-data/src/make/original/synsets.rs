//! The development kit's `meta.mat` goes in, the WordNet id of each of its class numbers comes out: the official
//! ground truth numbers the classes in an order of its own, which no other file records.
//!
//! # Source
//! "MAT-File Format", The MathWorks, level 5: elements of a tag and padded data, compressed ones, struct arrays.

use std::collections::HashMap;
use std::io::Read;

use flate2::read::ZlibDecoder;

const COMPRESSED: u32 = 15;
const MATRIX: u32 = 14;
const STRUCT_CLASS: u8 = 2;
/// The file has 1,860 synsets and a few MB: anything much larger is a different file.
const LARGEST_BYTES: u64 = 64 << 20;

/// Reads `synsets(i).ILSVRC2012_ID` and `synsets(i).WNID`.
///
/// # Errors
/// What is missing or damaged, in words.
pub fn read(file: &[u8]) -> Result<HashMap<u32, String>, String> {
    let body = file.get(128..).filter(|_| file.starts_with(b"MATLAB 5.0")).ok_or("expected a MATLAB 5.0 file")?;
    let mut rest = body;
    while !rest.is_empty() {
        let (kind, data) = element(&mut rest)?;
        let mut unpacked = Vec::new();
        let matrix = match kind {
            MATRIX => data,
            COMPRESSED => {
                ZlibDecoder::new(data)
                    .take(LARGEST_BYTES)
                    .read_to_end(&mut unpacked)
                    .map_err(|error| error.to_string())?;
                match element(&mut &unpacked[..])? {
                    (MATRIX, data) => data,
                    _ => continue,
                }
            }
            _ => continue,
        };
        if let Some(found) = synsets(matrix)? {
            return Ok(found);
        }
    }
    Err("it has no struct with the fields ILSVRC2012_ID and WNID".into())
}

/// The struct array's ids; `None` for another matrix.
fn synsets(mut matrix: &[u8]) -> Result<Option<HashMap<u32, String>>, String> {
    let (_, flags) = element(&mut matrix)?;
    let (_, _dimensions) = element(&mut matrix)?;
    let (_, _name) = element(&mut matrix)?;
    if flags.first() != Some(&STRUCT_CLASS) {
        return Ok(None);
    }
    let (_, length) = element(&mut matrix)?;
    let length = length.get(..4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize);
    let length = length.filter(|length| *length > 0).ok_or("a struct without the length of its names")?;
    let (_, names) = element(&mut matrix)?;
    let names: Vec<String> = names.chunks_exact(length).map(text).collect();
    let place = |name: &str| names.iter().position(|known| known == name);
    let (Some(id_place), Some(wnid_place)) = (place("ILSVRC2012_ID"), place("WNID")) else { return Ok(None) };
    let mut found = HashMap::new();
    while !matrix.is_empty() {
        let (mut id, mut wnid) = (None, None);
        for field in 0..names.len() {
            let (_, mut value) = element(&mut matrix)?;
            if field == id_place || field == wnid_place {
                let content = content(&mut value)?;
                if field == id_place {
                    id = number(content);
                } else {
                    wnid = Some(text(content.1));
                }
            }
        }
        let (id, wnid) = id.zip(wnid).ok_or("a synset without its number")?;
        if !super::address::is_wnid(&wnid) {
            return Err(format!("expected a WordNet id, found `{}`", crate::file_name::printable(&wnid)));
        }
        found.insert(id, wnid);
    }
    Ok(Some(found))
}

/// The last element of a small matrix: its values.
fn content<'a>(matrix: &mut &'a [u8]) -> Result<(u32, &'a [u8]), String> {
    for _ in 0..3 {
        element(matrix)?;
    }
    element(matrix)
}

/// The first value, whichever of the number types it has.
fn number((kind, bytes): (u32, &[u8])) -> Option<u32> {
    match kind {
        1 | 2 => bytes.first().map(|byte| u32::from(*byte)),
        3 | 4 => Some(u32::from(u16::from_le_bytes(bytes.get(..2)?.try_into().ok()?))),
        5 | 6 => Some(u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?)),
        9 => Some(f64::from_le_bytes(bytes.get(..8)?.try_into().ok()?) as u32),
        _ => None,
    }
}

/// Characters of one byte, or of two where every other one is zero.
fn text(bytes: &[u8]) -> String {
    bytes.iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
}

/// Takes the next element: its kind and data. A small one is in the tag itself; data is padded to 8 bytes unless
/// compressed.
fn element<'a>(rest: &mut &'a [u8]) -> Result<(u32, &'a [u8]), String> {
    let cut = "it is cut off";
    let word = |at: usize| -> Result<u32, String> {
        let bytes = rest.get(at..at + 4).ok_or(cut)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    };
    let first = word(0)?;
    if first >> 16 != 0 {
        let (kind, length) = (first & 0xFFFF, (first >> 16) as usize);
        let data = rest.get(4..8).and_then(|data| data.get(..length)).ok_or(cut)?;
        *rest = &rest[8..];
        return Ok((kind, data));
    }
    let length = word(4)? as usize;
    let data = rest.get(8..).and_then(|data| data.get(..length)).ok_or(cut)?;
    let padded = if first == COMPRESSED { length } else { length.next_multiple_of(8) };
    *rest = rest.get(8 + padded..).unwrap_or_default();
    Ok((first, data))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn tagged(kind: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = [kind.to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    fn matrix(class: u8, content: &[Vec<u8>]) -> Vec<u8> {
        let flags = tagged(6, &[class, 0, 0, 0, 0, 0, 0, 0]);
        let dimensions = tagged(5, &[1, 0, 0, 0, 1, 0, 0, 0]);
        tagged(MATRIX, &[vec![flags, dimensions, tagged(1, b"")], content.to_vec()].concat().concat())
    }

    fn meta(compressed: bool) -> Vec<u8> {
        let mut names = Vec::new();
        for name in ["ILSVRC2012_ID", "WNID", "words"] {
            let mut padded = name.as_bytes().to_vec();
            padded.resize(16, 0);
            names.extend(padded);
        }
        // The length of the names is a small element.
        let mut content = vec![[5u16.to_le_bytes(), 4u16.to_le_bytes(), [16, 0], [0, 0]].concat(), tagged(1, &names)];
        for (id, wnid) in [(490u16, "n01440764"), (7, "n03888257")] {
            content.push(matrix(11, &[tagged(4, &id.to_le_bytes())]));
            content.push(matrix(4, &[tagged(16, wnid.as_bytes())]));
            content.push(matrix(4, &[tagged(16, b"a fish")]));
        }
        let mut file = b"MATLAB 5.0 MAT-file".to_vec();
        file.resize(128, b' ');
        let body = matrix(STRUCT_CLASS, &content);
        if compressed {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&body).unwrap();
            let packed = encoder.finish().unwrap();
            file.extend([COMPRESSED.to_le_bytes(), (packed.len() as u32).to_le_bytes()].concat());
            file.extend(packed);
        } else {
            file.extend(body);
        }
        file
    }

    #[test]
    fn class_numbers_get_their_wordnet_ids() {
        for compressed in [false, true] {
            let found = read(&meta(compressed)).unwrap();
            assert_eq!((found[&490].as_str(), found[&7].as_str()), ("n01440764", "n03888257"));
        }
    }

    #[test]
    fn truncated_and_flipped_bytes_never_panic() {
        let file = meta(false);
        for length in 0..file.len() {
            let _ = read(&file[..length]);
        }
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 0xFF;
            let _ = read(&damaged);
        }
        assert!(read(b"a letter").is_err());
    }
}
