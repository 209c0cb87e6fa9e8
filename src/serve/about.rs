//! Who the kernel says it is: the only facts about the language that this room holds.

use saddle_wire::codec::PROTOCOL;
use saddle_wire::content::{Content, HelpLink, KernelInfo, LanguageInfo, Status};

/// The answer to `kernel_info_request`.
///
/// Neither Pygments (printed notebooks) nor CodeMirror (the editor) knows Rhai, so each is given the language that
/// colours it best. Pygments' Rust has one flaw, texts in backticks. CodeMirror's Rust takes `#{ … }` for an attribute
/// and colours the rest of the cell as one; its JavaScript reads Rhai's comments, texts, numbers, blocks and most
/// keywords as they are meant.
pub fn kernel_info() -> Content {
    let info = KernelInfo {
        status: Status::Ok,
        protocol_version: PROTOCOL,
        implementation: "saddle",
        implementation_version: env!("CARGO_PKG_VERSION"),
        language_info: LanguageInfo {
            name: "rhai",
            version: "1.27",
            mimetype: "text/x-rhai",
            file_extension: ".rhai",
            pygments_lexer: "rust",
            codemirror_mode: "javascript",
            nbconvert_exporter: "script",
        },
        banner: concat!(
            "Saddlepoint ",
            env!("CARGO_PKG_VERSION"),
            ": generative adversarial networks in Rhai. Tab completes, `name?` explains."
        )
        .into(),
        debugger: false,
        supported_features: &[],
        help_links: vec![HelpLink { text: "The Rhai Book", url: "https://rhai.rs/book/" }],
    };
    Content::KernelInfo(Box::new(info))
}
