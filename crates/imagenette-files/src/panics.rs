//! Panics of code that is not this program's: a codec on a hostile file, or a part that a researcher brings. Whoever
//! calls such code turns its panic into an error of its own; here the panic's text is kept from being printed as well.

use std::any::Any;
use std::io::Write;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Mutex;

/// A panic that was not printed when it happened.
struct Kept {
    /// Its text in one line, as [`caught`] gives it.
    text: String,
    /// `src/main.rs:31`, where it is known.
    place: Option<String>,
    /// What is to be printed where nobody catches it; nothing where it was printed.
    printed: Option<String>,
}

/// What is known of the panics of this process.
struct Panics {
    /// Whether they are kept, not printed.
    is_kept: bool,
    /// Whether one was caught: those of other threads at the same work need no explanation of their own.
    is_explained: bool,
    kept: Vec<Kept>,
}

static PANICS: Mutex<Panics> = Mutex::new(Panics { is_kept: false, is_explained: false, kept: Vec::new() });

fn panics() -> std::sync::MutexGuard<'static, Panics> {
    // Nothing in here panics half-way: what the lock guards is whole.
    PANICS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Keeps panics from being printed until what it gives is dropped; those that nobody caught by then are printed. For
/// the main function of a program. With the variable RUST_BACKTRACE they are printed at once.
#[must_use = "panics are printed when it is dropped"]
pub fn keep() -> KeptPanics {
    let wants_all = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    let usual = std::panic::take_hook();
    panics().is_kept = true;
    std::panic::set_hook(Box::new(move |panic| {
        if wants_all {
            usual(panic);
        }
        remember(panic, wants_all);
    }));
    KeptPanics(())
}

/// Prints on its end the panics that nobody caught.
#[derive(Debug)]
pub struct KeptPanics(());

impl Drop for KeptPanics {
    fn drop(&mut self) {
        let mut panics = panics();
        if !panics.is_explained || std::thread::panicking() {
            panics.kept.drain(..).filter_map(|panic| panic.printed).for_each(|text| tell(&text));
        }
        panics.is_kept = false;
    }
}

/// Says a line on stderr. Where that fails there is nobody to tell, and to panic in here would abort the program.
fn tell(text: &str) {
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

fn remember(panic: &PanicHookInfo, is_printed: bool) {
    let thread = std::thread::current();
    let printed = match is_printed {
        true => None,
        false => Some(format!("thread '{}' {panic}", thread.name().unwrap_or("<unnamed>"))),
    };
    let mut panics = panics();
    // After the end of `main` nobody would print it.
    if !panics.is_kept {
        printed.iter().for_each(|printed| tell(printed));
        return;
    }
    let place = panic.location().map(|location| format!("{}:{}", location.file(), location.line()));
    panics.kept.push(Kept { text: text_of(panic.payload()), place, printed });
}

/// Calls code that may panic; the text of its panic comes out, with its place where panics are kept:
/// `no slope here (src/main.rs:31)`. The code must not be called again then: what it has changed is as it left it.
///
/// # Errors
/// What it panicked with.
///
/// # Example
/// ```
/// use imagenette_files::panics::caught;
///
/// assert_eq!(caught(|| 7), Ok(7));
/// # std::panic::set_hook(Box::new(|_| {}));
/// assert_eq!(caught(|| panic!("no slope here")), Err::<(), _>("no slope here".to_owned()));
/// ```
pub fn caught<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| {
        let text = text_of(panic.as_ref());
        let mut panics = panics();
        panics.is_explained = true;
        let place = panics.kept.iter().find(|kept| kept.text == text).and_then(|kept| kept.place.clone());
        panics.kept.retain(|kept| kept.text != text);
        match place {
            Some(place) => format!("{text} ({place})"),
            None => text,
        }
    })
}

/// What a panic says, in one line: assertions of two values say them in lines of their own.
fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked and said nothing").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_caught_is_said_with_its_place_and_not_printed() {
        let kept = keep();
        let said = caught(|| assert_eq!(1 + 1, 3, "sums")).unwrap_err();
        assert!(said.starts_with("assertion `left == right` failed: sums left: 2 right: 3 ("), "{said}");
        assert!(said.contains("panics.rs:"), "{said}");
        assert!(panics().kept.is_empty());
        // Another thread's panic is known where it is caught.
        let said = std::thread::spawn(|| caught(|| panic!("elsewhere"))).join().unwrap().unwrap_err();
        assert!(said.starts_with("elsewhere ("), "{said}");
        // One that nobody catches is kept to be printed.
        assert!(std::thread::spawn(|| panic!("lost")).join().is_err());
        assert_eq!(panics().kept.iter().map(|kept| kept.text.as_str()).collect::<Vec<_>>(), ["lost"]);
        drop(kept);
        let _ = std::panic::take_hook();
    }
}
