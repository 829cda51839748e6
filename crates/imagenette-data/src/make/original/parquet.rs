//! A parquet file of Hugging Face's ImageNet (`image` {`bytes`, `path`}, `label`) goes in, its photos come out.
//!
//! The columns are read together in small steps, labels and names first: the bytes of unwanted photos are skipped, and
//! memory holds no more than a page of the file.

use imagenette_files::panics::caught;
use parquet::basic::Type as Physical;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::DataType;
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;

use super::address::{self, Named, is_wnid};
use super::{Content, Visitor};
use crate::class;
use crate::error::{DataError, Result};
use crate::file_name::{check_portable, is_photo, printable};

/// Rows whose labels and names are read before their photos.
const STEP: usize = 256;

/// The fewest bytes of a file that a row with a photo takes.
const SMALLEST_BYTES: u64 = 16;

/// Why the reading of a parquet file stopped.
enum Stop {
    /// The file is at fault, for this reason.
    File(String),
    /// The visitor stopped.
    Caller(DataError),
}

impl From<parquet::errors::ParquetError> for Stop {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Self::File(error.to_string())
    }
}

impl From<DataError> for Stop {
    fn from(error: DataError) -> Self {
        Self::Caller(error)
    }
}

/// Shows a file's photos to the visitor; `name` is the file's path inside the copy. Returns why reading stopped early,
/// if it did.
///
/// # Errors
/// What the visitor returns.
pub fn read<C: ChunkReader + 'static>(file: C, name: &str, visitor: &mut dyn Visitor) -> Result<Option<String>> {
    // The library panics on some hostile files; to the user the file is damaged.
    match caught(|| rows(file, name, visitor)) {
        Ok(Ok(())) => Ok(None),
        Ok(Err(Stop::File(reason))) => Ok(Some(reason)),
        Ok(Err(Stop::Caller(error))) => Err(error),
        Err(_) => Ok(Some("the parquet library failed on it; the file is damaged".into())),
    }
}

fn rows<C: ChunkReader + 'static>(file: C, name: &str, visitor: &mut dyn Visitor) -> Result<(), Stop> {
    let length = file.len();
    let reader = SerializedFileReader::new(file)?;
    let metadata = reader.metadata().file_metadata();
    let columns = Columns::find(metadata)?;
    let names = label_names(metadata);
    let split = name.rsplit('/').next().unwrap_or(name).split(['-', '.', '_']).next().unwrap_or_default();
    let groups = reader.num_row_groups();
    let mut row = 0;
    for number in 0..groups {
        let group = reader.get_row_group(number)?;
        let rows =
            usize::try_from(group.metadata().num_rows()).map_err(|_| Stop::File("a negative number of rows".into()))?;
        // Rows without values cost a hostile file nothing; a photo has at least some bytes.
        if (row as u64).saturating_add(rows as u64) > length / SMALLEST_BYTES {
            return Err(Stop::File(format!("it claims {rows} more rows, and has {length} bytes")));
        }
        let mut labels = columns.label.map(|at| Labels::open(&*group, at)).transpose()?;
        let mut paths = columns.path.map(|at| Strings::open(&*group, at)).transpose()?;
        let mut photos = Strings::open(&*group, columns.bytes)?;
        let mut left = rows;
        while left > 0 {
            let step = left.min(STEP);
            let step_labels = labels.as_mut().map(|labels| labels.read(step)).transpose()?;
            let step_paths = paths.as_mut().map(|paths| paths.read(step)).transpose()?;
            for at in 0..step {
                visitor.passed(name, 0)?;
                let label = step_labels.as_ref().and_then(|labels| labels[at]);
                let path = step_paths.as_ref().and_then(|paths| paths[at].as_ref());
                let path = path.and_then(|path| path.as_utf8().ok());
                let shown = format!("{name}/{}", path.map_or_else(|| format!("row {row}"), printable));
                row += 1;
                let mut bytes_read = false;
                match address_of(split, path, label, &names, row - 1, name) {
                    Ok(Some(mut address)) => {
                        if visitor.wants(&mut address, &shown)? {
                            bytes_read = true;
                            match photos.read(1)?.pop().flatten() {
                                Some(bytes) if bytes.len() as u64 <= super::tar::LARGEST_BYTES => {
                                    visitor.photo(address, &shown, Content::Bytes(bytes.data().to_vec()))?;
                                }
                                Some(bytes) => {
                                    visitor.trouble(&shown, &format!("{} bytes are too many", bytes.len()))?
                                }
                                None => visitor.trouble(&shown, "the row has no bytes of a photo")?,
                            }
                        }
                    }
                    Ok(None) => visitor.other(),
                    Err(reason) => visitor.trouble(&shown, &reason)?,
                }
                if !bytes_read {
                    photos.skip(1)?;
                }
            }
            left -= step;
        }
        visitor.passed(name, length / groups as u64)?;
    }
    Ok(())
}

/// The address of a row: `None` for one without a label (the test split), an error where its class cannot be known.
fn address_of(
    split: &str,
    path: Option<&str>,
    label: Option<i64>,
    names: &Option<Vec<String>>,
    row: usize,
    name: &str,
) -> Result<Option<address::Address>, String> {
    let stem = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".parquet");
    let own = format!("{stem}-{row:07}.JPEG");
    let file_name = path.map(|path| path.rsplit(['/', '\\']).next().unwrap_or(path)).filter(|path| is_photo(path));
    let Named::Photo(mut address) = address::read(&format!("{split}/{}", file_name.unwrap_or(&own)))? else {
        return Ok(None);
    };
    if address.wnid.is_none() {
        let Some(label) = label.filter(|label| *label >= 0) else {
            return if label == Some(-1) || label.is_none() { Err("the row has no label".into()) } else { Ok(None) };
        };
        let label = usize::try_from(label).map_err(|_| "the label is too large".to_owned())?;
        let imagenet = class::imagenet();
        let named =
            names.as_ref().filter(|names| names.len() != imagenet.len() || names.iter().all(|name| is_wnid(name)));
        let wnid = match named {
            Some(names) => names.get(label).cloned(),
            None => imagenet.get(label).map(|class| class.wnid.clone()),
        };
        let wnid = wnid.ok_or_else(|| format!("no class has the label {label}"))?;
        check_portable(&wnid)?;
        if wnid.contains('/') {
            return Err(format!("the class `{}` cannot be the name of a folder", printable(&wnid)));
        }
        address.wnid = Some(wnid);
    }
    Ok(Some(address))
}

/// The names of the classes, as the `datasets` library records them.
fn label_names(metadata: &parquet::file::metadata::FileMetaData) -> Option<Vec<String>> {
    let entry = metadata.key_value_metadata()?.iter().find(|entry| entry.key == "huggingface")?;
    let value: serde_json::Value = serde_json::from_str(entry.value.as_ref()?).ok()?;
    let names = value.pointer("/info/features/label/names")?.as_array()?;
    names.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}

/// The places of the columns that matter.
struct Columns {
    bytes: usize,
    path: Option<usize>,
    label: Option<usize>,
}

impl Columns {
    fn find(metadata: &parquet::file::metadata::FileMetaData) -> Result<Self, Stop> {
        let schema = metadata.schema_descr();
        let find = |name: &str, kinds: &[Physical]| -> Result<Option<usize>, Stop> {
            let Some(at) = schema.columns().iter().position(|column| column.path().string() == name) else {
                return Ok(None);
            };
            let column = schema.column(at);
            let kind = column.physical_type();
            if column.max_rep_level() > 0 || !kinds.contains(&kind) {
                let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
                let found = if column.max_rep_level() > 0 { format!("a list of {kind}") } else { kind.to_string() };
                return Err(Stop::File(format!("the column `{name}`: expected {}, found {found}", kinds.join(" or "))));
            }
            Ok(Some(at))
        };
        let bytes = find("image.bytes", &[Physical::BYTE_ARRAY])?;
        let columns: Vec<String> =
            schema.columns().iter().take(8).map(|column| printable(&column.path().string())).collect();
        let bytes = bytes.ok_or_else(|| {
            Stop::File(format!("expected the columns image.bytes, image.path and label, found {}", columns.join(", ")))
        })?;
        let (path, label) =
            (find("image.path", &[Physical::BYTE_ARRAY])?, find("label", &[Physical::INT64, Physical::INT32])?);
        Ok(Self { bytes, path, label })
    }
}

/// A column that is read step by step; an absent value is `None`.
struct Column<T: DataType> {
    reader: ColumnReaderImpl<T>,
    optional: i16,
}

impl<T: DataType> Column<T> {
    fn read(&mut self, rows: usize) -> Result<Vec<Option<T::T>>, Stop> {
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        let levels_wanted = (self.optional > 0).then_some(&mut levels);
        let (records, _, _) = self.reader.read_records(rows, levels_wanted, None, &mut values)?;
        if records != rows {
            return Err(Stop::File("its columns have different lengths".into()));
        }
        if self.optional == 0 {
            return Ok(values.into_iter().map(Some).collect());
        }
        let mut values = values.into_iter();
        Ok(levels.into_iter().map(|level| if level == self.optional { values.next() } else { None }).collect())
    }

    fn skip(&mut self, rows: usize) -> Result<(), Stop> {
        match self.reader.skip_records(rows)? {
            skipped if skipped == rows => Ok(()),
            _ => Err(Stop::File("its columns have different lengths".into())),
        }
    }
}

type Strings = Column<parquet::data_type::ByteArrayType>;

impl<T: DataType> Column<T> {
    /// The column of this place, whose type is known from the schema.
    fn open(group: &dyn RowGroupReader, at: usize) -> Result<Self, Stop> {
        let column = group.metadata().column(at).column_descr_ptr();
        if column.physical_type() != T::get_physical_type() {
            return Err(Stop::File("a column whose type is not the schema's".into()));
        }
        let optional = column.max_def_level();
        let pages = Box::new(Plausible(group.get_column_page_reader(at)?));
        Ok(Self { reader: ColumnReaderImpl::new(column, pages), optional })
    }
}

/// The pages of a column. The library takes memory for as many values as a dictionary claims, before it reads one.
struct Plausible(Box<dyn PageReader>);

impl Plausible {
    /// The page, if each value that it claims to hold takes a byte or more of it.
    fn checked(page: Option<Page>) -> parquet::errors::Result<Option<Page>> {
        match &page {
            Some(Page::DictionaryPage { buf, num_values, .. }) if *num_values as usize > buf.len() => {
                let claim = format!("a dictionary claims {num_values} values in {} bytes", buf.len());
                Err(parquet::errors::ParquetError::General(claim))
            }
            _ => Ok(page),
        }
    }
}

impl Iterator for Plausible {
    type Item = parquet::errors::Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Plausible {
    fn get_next_page(&mut self) -> parquet::errors::Result<Option<Page>> {
        Self::checked(self.0.get_next_page()?)
    }

    fn peek_next_page(&mut self) -> parquet::errors::Result<Option<PageMetadata>> {
        self.0.peek_next_page()
    }

    fn skip_next_page(&mut self) -> parquet::errors::Result<()> {
        self.0.skip_next_page()
    }

    fn supports_deferred_dictionary(&self) -> bool {
        self.0.supports_deferred_dictionary()
    }

    fn take_deferred_dictionary(&mut self) -> parquet::errors::Result<Option<Page>> {
        Self::checked(self.0.take_deferred_dictionary()?)
    }

    fn at_record_boundary(&mut self) -> parquet::errors::Result<bool> {
        self.0.at_record_boundary()
    }
}

/// Labels, of 64 bits or 32.
enum Labels {
    Wide(Column<parquet::data_type::Int64Type>),
    Narrow(Column<parquet::data_type::Int32Type>),
}

impl Labels {
    fn open(group: &dyn RowGroupReader, at: usize) -> Result<Self, Stop> {
        match group.metadata().column(at).column_type() {
            Physical::INT32 => Ok(Self::Narrow(Column::open(group, at)?)),
            _ => Ok(Self::Wide(Column::open(group, at)?)),
        }
    }

    fn read(&mut self, rows: usize) -> Result<Vec<Option<i64>>, Stop> {
        match self {
            Self::Wide(column) => column.read(rows),
            Self::Narrow(column) => Ok(column.read(rows)?.into_iter().map(|label| label.map(i64::from)).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use parquet::basic::Encoding;

    use super::*;

    #[test]
    fn a_dictionary_holds_no_more_values_than_bytes() {
        let page = |num_values: u32| Page::DictionaryPage {
            buf: bytes::Bytes::from_static(&[0; 40]),
            num_values,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        assert!(Plausible::checked(Some(page(10))).is_ok() && Plausible::checked(None).is_ok());
        let error = Plausible::checked(Some(page(134_217_727))).unwrap_err().to_string();
        assert!(error.contains("a dictionary claims 134217727 values in 40 bytes"), "{error}");
    }
}
