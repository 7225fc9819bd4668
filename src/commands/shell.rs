//! `landfall schema`, `landfall completions` and `landfall man`.

use landfall::cli::{Manual, Output};
use std::error::Error;

pub(crate) fn print(text: &[u8]) -> Result<u8, Box<dyn Error>> {
    Output::open(None)?.write(text)?;
    Ok(0)
}

pub(crate) fn manual(options: &Manual) -> Result<u8, Box<dyn Error>> {
    let Some(folder) = &options.output else { return print(&Manual::page()?) };
    Output::make_folder(folder)?;
    for (name, page) in Manual::pages()? {
        Output::open(Some(&folder.join(name)))?.write(&page)?;
    }
    Ok(0)
}
