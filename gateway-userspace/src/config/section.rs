//! One table of the configuration being read: which keys it may have, and what stands there.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistakes::{Gathered, Place};

/// A key as the reference describes it.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    /// What may be written, in a few words.
    pub form: &'static str,
    /// The TOML value that holds when the key is absent, or `required`.
    pub default: &'static str,
    pub meaning: &'static str,
}

/// Stands for a default where there is none.
pub const REQUIRED: &str = "required";

/// Looks up the number of a user of this host.
pub type UidOf<'a> = &'a dyn Fn(&str) -> Option<u32>;

/// One file, with the means to judge it and to complain about it.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub path: &'a Path,
    pub text: &'a str,
    pub mistakes: &'a Gathered,
    pub uid_of: UidOf<'a>,
}

impl Source<'_> {
    pub fn place(&self, span: &Range<usize>) -> Place {
        // What no file mentions has no line.
        if self.text.is_empty() {
            Place::file(self.path)
        } else {
            Place::at(self.path, self.text, span.start)
        }
    }
}

/// One value: what it is, where it stands, and what it is called.
#[derive(Clone)]
pub struct Value<'a> {
    pub content: &'a DeValue<'a>,
    pub span: Range<usize>,
    /// Table and key, as complaints name it.
    pub name: String,
    pub source: Source<'a>,
}

impl<'a> Value<'a> {
    pub fn place(&self) -> Place {
        self.source.place(&self.span)
    }

    /// Complains about the value. Returns the nothing that the reader then has to offer.
    pub fn wrong<T>(&self, what: impl AsRef<str>, remedy: impl Into<String>) -> Option<T> {
        self.source.mistakes.add(self.place(), format!("{}: {}", self.name, what.as_ref()), remedy);
        None
    }

    /// The value as `other` of the same file would be called under this key.
    pub fn item(&self, item: &'a Spanned<DeValue<'a>>) -> Self {
        Self { content: item.get_ref(), span: item.span(), name: self.name.clone(), source: self.source }
    }
}

/// A table while its keys are read one by one.
pub struct Section<'a> {
    title: String,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    source: Source<'a>,
}

impl<'a> Section<'a> {
    /// `title` is how the table is written: `serve`, `agents.coder`. Unknown keys are complained about here.
    pub fn new(
        title: String,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        source: Source<'a>,
        keys: &[Key],
    ) -> Self {
        Self::with_tables(title, table, span, source, keys, &[])
    }

    /// A table that may have tables of its own, with these names.
    pub fn with_tables(
        title: String,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        source: Source<'a>,
        keys: &[Key],
        inner: &[&'static str],
    ) -> Self {
        let known: Vec<&str> = keys.iter().map(|key| key.name).chain(inner.iter().copied()).collect();
        for name in table.keys() {
            if !known.contains(&name.get_ref().as_ref()) {
                let what = format!("unknown key `{}` in [{title}]", name.get_ref());
                source.mistakes.add(source.place(&name.span()), what, did_you_mean(name.get_ref(), &known));
            }
        }
        Self { title, table, span, source }
    }

    pub fn place(&self) -> Place {
        self.source.place(&self.span)
    }

    /// How the table is written.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// A table inside this one, if it is there.
    pub fn table(&self, name: &str, keys: &[Key]) -> Option<Self> {
        let (key, value) = self.table.get_key_value(name)?;
        let title = format!("{}.{name}", self.title);
        match value.get_ref() {
            DeValue::Table(table) => Some(Section::new(title, table, key.span(), self.source, keys)),
            _ => {
                let remedy = format!("write [{title}] on its own line and the keys below it");
                self.source.mistakes.add(
                    self.source.place(&key.span()),
                    format!("`{title}` is a table"),
                    remedy,
                );
                None
            }
        }
    }

    /// Reads a key with `read`, or its default with the same `read`, so that both mean the same.
    ///
    /// A value with a mistake is replaced by the default too: the mistake is noted already, and the checks that
    /// span tables can go on.
    pub fn read<T>(&self, key: &'static Key, read: impl Fn(&Value<'_>) -> Option<T>) -> Option<T> {
        if let Some(given) = self.table.get(key.name) {
            let read_given = read(&self.value(key.name, given.get_ref(), given.span(), self.source));
            let unheard = Gathered::default();
            return read_given.or_else(|| self.read_default(key, read, &unheard));
        }
        if key.default == REQUIRED {
            let what = format!("[{}] has no `{}`", self.title, key.name);
            self.source.mistakes.add(self.place(), what, format!("add `{} = …`: {}", key.name, key.form));
        }
        self.read_default(key, read, self.source.mistakes)
    }

    fn read_default<T>(
        &self,
        key: &'static Key,
        read: impl Fn(&Value<'_>) -> Option<T>,
        mistakes: &Gathered,
    ) -> Option<T> {
        let default = DeValue::parse(key.default).ok()?;
        let source = Source { mistakes, ..self.source };
        read(&self.value(key.name, default.get_ref(), self.span.clone(), source))
    }

    /// Whether a key is given at all, other than as an empty list.
    pub fn says(&self, key: &str) -> bool {
        let empty = |value: &DeValue<'_>| value.as_array().is_some_and(|items| items.is_empty());
        self.table.get(key).is_some_and(|value| !empty(value.get_ref()))
    }

    /// Whether this very word is given.
    pub fn says_word(&self, key: &str, word: &str) -> bool {
        self.table.get(key).is_some_and(|value| value.get_ref().as_str() == Some(word))
    }

    fn value<'v>(
        &'v self,
        key: &str,
        content: &'v DeValue<'v>,
        span: Range<usize>,
        source: Source<'v>,
    ) -> Value<'v> {
        Value { content, span, name: format!("[{}] {key}", self.title), source }
    }
}

/// Declares a table of the configuration: the type, how each key is read, and what the reference says.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident {
            $(
                $(#[doc = $meaning:literal])*
                #[form($form:literal, default = $default:tt, read = $read:expr $(, key = $key:literal)?)]
                $field:ident: $type:ty,
            )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[doc = $meaning])* pub $field: $type,)*
        }

        impl $name {
            pub(in crate::config) const ABOUT: &str = concat!($($about, "\n"),*);
            pub(in crate::config) const KEYS: &[$crate::config::section::Key] = &[$($crate::config::section::Key {
                name: $crate::config::section::section!(@name $field $($key)?),
                form: $form,
                default: stringify!($default),
                meaning: concat!($($meaning, "\n"),*),
            }),*];

            /// Reads every key before giving up, so that each can complain.
            pub(in crate::config) fn read(section: &$crate::config::section::Section<'_>) -> Option<Self> {
                let mut keys = Self::KEYS.iter();
                $(let $field = keys.next().and_then(|key| section.read(key, $read));)*
                Some(Self { $($field: $field?),* })
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $key:literal) => { $key };
}

pub(super) use section;

/// The remedy for an unknown word.
pub fn did_you_mean(word: &str, known: &[&str]) -> String {
    let closest = known.iter().map(|other| (strsim::damerau_levenshtein(word, other), *other)).min();
    match closest {
        Some((distance, other)) if distance <= 2 && distance < other.len() => {
            format!("did you mean `{other}`?")
        }
        Some(_) => format!("known here: {}", known.join(", ")),
        None => "nothing is known here; remove it".to_string(),
    }
}
