//! Who may widen what is seen: the user, and what the user installed. Never a file that came from somewhere.
//!
//! Links are the quiet way to name something: a folder from anywhere can bring one that leads to a key. So each link
//! on the way to something has to be one of the user's own, or stay with what came together with it.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::{
    Host, Kind, ProfileError, Search, is_system,
    line::interpreter,
    path::{Way, modules_around, quoted},
    refuse,
};

/// Where Python's installers put interpreters, below the home. Nothing else lies there but what was installed into
/// them.
const INTERPRETERS: &[&str] = &[
    ".pyenv/versions",
    ".local/share/uv/python",
    ".local/share/hatch/pythons",
    ".local/share/mise/installs/python",
    ".local/share/pdm/python",
    ".asdf/installs/python",
    ".rye/py",
    "miniconda3",
    "miniforge3",
    "mambaforge",
    "anaconda3",
    "micromamba",
];

/// Where programs of the user are installed, below the home, whatever `PATH` is: who starts Airlock from a desktop has
/// another one than who does from a shell.
const PROGRAMS: &[&str] = &["bin", ".local/bin"];

/// Programs of the system, which links in `/usr` lead through.
const ALTERNATIVES: &str = "/etc/alternatives";

/// Places of the host that are the user's own choice. All of them are real paths.
#[derive(Debug, Default)]
pub(super) struct Trusted {
    /// Folders of programs.
    programs: Vec<PathBuf>,
    /// Folders of Python interpreters.
    interpreters: Vec<PathBuf>,
    /// What the user names to be shown.
    named: Vec<PathBuf>,
}

impl Trusted {
    pub(super) fn of(host: &Host) -> Self {
        let real = |path: PathBuf| fs::canonicalize(path).ok();
        let home = |parts: &[&str]| {
            let home = host.home.iter();
            home.flat_map(|home| parts.iter().map(|part| home.join(part))).collect::<Vec<_>>()
        };
        // A relative one means another folder wherever the user is.
        let search: Vec<_> = env::split_paths(&host.search).filter(|folder| folder.is_absolute()).collect();
        let shims = search.iter().filter(|folder| folder.ends_with("shims"));
        let pyenv: Vec<_> = shims.filter_map(|shims| Some(shims.parent()?.join("versions"))).collect();
        Self {
            programs: search.into_iter().chain(home(PROGRAMS)).filter_map(real).collect(),
            interpreters: pyenv.into_iter().chain(home(INTERPRETERS)).filter_map(real).collect(),
            named: host.named.iter().cloned().filter_map(real).collect(),
        }
    }
}

/// What a path is followed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Something that is started.
    Program,
    /// Something that is read.
    Content,
}

impl Search<'_> {
    /// Whether this lies in something that the user names to be shown.
    pub(super) fn is_named(&self, path: &Path) -> bool {
        self.trusted.named.iter().any(|named| path.starts_with(named))
    }

    /// Whether it lies where programs of the user are found: on `PATH`, for one.
    pub(super) fn is_installed(&self, path: &Path) -> bool {
        path.parent().is_some_and(|folder| self.trusted.programs.iter().any(|programs| folder == programs))
    }

    /// Whether it lies where Python's installers put interpreters.
    pub(super) fn is_interpreter(&self, path: &Path) -> bool {
        self.trusted.interpreters.iter().any(|folder| path.starts_with(folder) && path != folder)
    }

    /// Refuses a way on which a link leads out of what it came with.
    pub(super) fn permit(&self, way: &Way, what: Use) -> Result<(), ProfileError> {
        // A script shows more than itself, so only the end of a way to another program may lie elsewhere.
        let elsewhere = what == Use::Program && interpreter(&way.real).is_none();
        for (at, link) in way.links.iter().enumerate().filter(|(_, link)| !self.is_own(link)) {
            let mut places = way.links.iter().skip(at + 1).chain([&way.real]);
            let out = places.find(|place| {
                let installed = elsewhere && (self.is_installed(place) || self.is_interpreter(place));
                !installed && !self.stays(link, place)
            });
            if out.is_some() {
                // An interpreter alone would not be enough.
                let kind = Kind::of(way);
                let prefix = self.installation_of(&way.real, kind).filter(|_| kind != Kind::Other);
                let show = match prefix.filter(|_| what == Use::Program) {
                    Some(prefix) => {
                        ["bin", "lib"].map(|part| format!("--ro {}", quoted(&prefix.join(part)))).join(" ")
                    }
                    None => format!("--ro {}", quoted(&way.real)),
                };
                return refuse(format!(
                    "`{}` is a link that leads out of its folder, to `{}`: give that instead, or show it with `{show}`",
                    link.display(),
                    way.real.display()
                ));
            }
        }
        Ok(())
    }

    /// Whether a folder may be shown because of something in it that was reached this way: not, if a link chose it.
    pub(super) fn comes_with(&self, folder: &Path, way: &Way) -> bool {
        self.is_named(folder)
            || way.links.iter().filter(|link| !self.is_own(link)).filter_map(|link| link.parent()).all(
                |from| {
                    folder.starts_with(from)
                        || from.starts_with(folder)
                        || folder.starts_with(modules_beside(from))
                },
            )
    }

    /// A link that the system or the user made, and nobody else.
    pub(super) fn is_own(&self, link: &Path) -> bool {
        let Some(folder) = link.parent() else { return true };
        is_system(folder)
            || folder == Path::new(ALTERNATIVES)
            // The home itself, and what that lies in.
            || self.is_private(folder)
            || self.is_installed(link)
            || self.trusted.interpreters.iter().any(|interpreters| folder.starts_with(interpreters))
    }

    /// Whether a place belongs to what the link to it came with.
    fn stays(&self, link: &Path, place: &Path) -> bool {
        let folder = link.parent().unwrap_or(link);
        is_system(place)
            || place.starts_with(ALTERNATIVES)
            || self.is_named(place)
            || place.starts_with(folder)
            || modules_around(link).is_some_and(|modules| place.starts_with(modules))
            || folder.ends_with("bin") && place.starts_with(modules_beside(folder))
    }
}

/// Where an installation of Node.js has the packages whose programs are in its `bin`.
fn modules_beside(bin: &Path) -> PathBuf {
    bin.with_file_name("lib").join("node_modules")
}
