//! Scripts for Node.js.

use std::ffi::OsString;

use super::{ProfileError, Search, path::real};

impl Search<'_> {
    /// What `node` loads with a script: what `require` and `import` find from there.
    pub(super) fn show_node_script(&mut self, script: &mut OsString) -> Result<(), ProfileError> {
        let path = self.existing(script)?;
        // Node.js takes the real path of its script, too.
        let real = real(&path)?;
        *script = real.clone().into_os_string();
        let modules = real.ancestors().filter(|folder| folder.ends_with("node_modules")).last();
        if let Some(modules) = modules {
            self.show(modules.to_owned());
            return Ok(());
        }
        let package = real.ancestors().skip(1).find(|folder| folder.join("package.json").is_file());
        match package.filter(|package| !self.is_private(package)) {
            Some(package) => self.show(package.to_owned()),
            None => self.show(real.clone()),
        }
        for folder in real.ancestors().skip(1) {
            self.show(folder.join("node_modules"));
        }
        Ok(())
    }
}
