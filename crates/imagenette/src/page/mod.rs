//! Pages that need nothing else: no script, no other file, light and dark, wide and narrow.

pub(crate) mod confusion_matrix;
#[cfg(feature = "train")]
pub(crate) mod line_chart;

use imagenette_files::visible;

const STYLE: &str = include_str!("base.css");
/// The end of a page.
pub(crate) const END: &str = "</main>\n</body>\n</html>\n";

/// The beginning of a page: its head, with what this kind of page adds to the style of all. Pictures are inlined;
/// nothing is ever asked of a network.
pub(crate) fn begin(title: &str, style: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         img-src data:\">\n\
         <title>{}</title>\n<style>\n{STYLE}{style}</style>\n</head>\n<body>\n<main>\n",
        escaped(title)
    )
}

/// Text that is safe anywhere in a page.
pub(crate) fn escaped(text: &str) -> String {
    visible::in_markup(text)
}

/// A line whose parts between backticks are code.
pub(crate) fn with_code(line: &str) -> String {
    let parts = line.split('`').enumerate();
    parts
        .map(|(at, part)| if at % 2 == 1 { format!("<code>{}</code>", escaped(part)) } else { escaped(part) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_user_names_can_leave_its_place() {
        assert_eq!(escaped("<b a='x'>\"&"), "&lt;b a=&#39;x&#39;&gt;&quot;&amp;");
        assert!(begin("</title><script>", "").contains("<title>&lt;/title&gt;&lt;script&gt;</title>"));
    }

    #[test]
    fn backticks_are_code_and_nothing_else_gets_through() {
        assert_eq!(with_code("say `--x <1>` & go"), "say <code>--x &lt;1&gt;</code> &amp; go");
    }
}
