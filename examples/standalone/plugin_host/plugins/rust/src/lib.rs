use std::cell::Cell;

use example::editor::host;
use exports::example::editor::filters::{Guest, GuestFilter};

wit_bindgen::generate!({ path: "../../plugin.wit", world: "plugin" });

struct Plugin;

/// Methods take `&self`, so mutable state is in a cell.
struct Filter {
    word: String,
    hidden: Cell<u32>,
}

impl Guest for Plugin {
    type Filter = Filter;

    fn language() -> String {
        "Rust".to_owned()
    }
}

impl GuestFilter for Filter {
    fn new(word: String) -> Filter {
        host::log(&format!("hiding '{word}'"));
        Filter {
            word,
            hidden: Cell::new(0),
        }
    }

    fn apply(&self, text: String) -> Result<String, String> {
        if text.is_empty() {
            return Err("the text is empty".to_owned());
        }
        if self.word.is_empty() {
            return Ok(text);
        }
        let found = text.matches(&self.word).count() as u32;
        self.hidden.set(self.hidden.get() + found);
        Ok(text.replace(&self.word, &"*".repeat(self.word.len())))
    }

    fn hidden(&self) -> u32 {
        self.hidden.get()
    }
}

export!(Plugin);
