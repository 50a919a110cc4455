//! The access list of a file on Windows.
#![expect(unsafe_code, reason = "access lists have no safe interface")]

use std::ffi::c_void;
use std::fs::File;
use std::os::windows::io::AsRawHandle;
use std::ptr::{from_ref, null_mut};

use windows_sys::Win32::Foundation::{
    ERROR_SUCCESS, FALSE, GENERIC_ALL, GENERIC_READ, HANDLE, LocalFree,
};
use windows_sys::Win32::Security::Authorization::{GetSecurityInfo, SE_FILE_OBJECT};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, DACL_SECURITY_INFORMATION, GetAce, IsWellKnownSid,
    WELL_KNOWN_SID_TYPE, WinAccountDomainUsersSid, WinAnonymousSid, WinAuthenticatedUserSid,
    WinBuiltinGuestsSid, WinBuiltinUsersSid, WinInteractiveSid, WinNetworkSid, WinWorldSid,
};
use windows_sys::Win32::Storage::FileSystem::FILE_READ_DATA;
use windows_sys::Win32::System::SystemServices::ACCESS_ALLOWED_ACE_TYPE;

/// The groups that hold every user, or every user of some kind.
const LARGE_GROUPS: [WELL_KNOWN_SID_TYPE; 8] = [
    WinWorldSid,
    WinAuthenticatedUserSid,
    WinBuiltinUsersSid,
    WinBuiltinGuestsSid,
    WinAccountDomainUsersSid,
    WinAnonymousSid,
    WinInteractiveSid,
    WinNetworkSid,
];

/// Returns true if the list lets one of the [`LARGE_GROUPS`] read the file, or if the list cannot be read. Ignores entries
/// that deny access.
pub fn is_open_to_others(file: &File) -> bool {
    let (mut list, mut descriptor): (*mut ACL, *mut c_void) = (null_mut(), null_mut());
    // SAFETY: the handle is open; the pointers that are null ask for nothing.
    let error = unsafe {
        GetSecurityInfo(
            file.as_raw_handle() as HANDLE,
            SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION,
            null_mut(),
            null_mut(),
            &raw mut list,
            null_mut(),
            &raw mut descriptor,
        )
    };
    if error != ERROR_SUCCESS {
        return true;
    }
    // SAFETY: the list is null or lies in the descriptor, which is freed after the last use and once.
    unsafe {
        let is_open = list.is_null() || opens(&*list);
        LocalFree(descriptor);
        is_open
    }
}

/// # Safety
///
/// The list must be followed by its entries, as the system hands it out.
unsafe fn opens(list: &ACL) -> bool {
    for index in 0..u32::from(list.AceCount) {
        let mut entry: *mut c_void = null_mut();
        // SAFETY: the index is below the count of entries.
        if unsafe { GetAce(list, index, &raw mut entry) } == FALSE {
            return true;
        }
        // SAFETY: every entry begins with this header.
        let kind = unsafe { (*entry.cast::<ACE_HEADER>()).AceType };
        if u32::from(kind) != ACCESS_ALLOWED_ACE_TYPE {
            continue;
        }
        // SAFETY: an entry of this kind has this form, with the group or user at its end.
        let entry = unsafe { &*entry.cast::<ACCESS_ALLOWED_ACE>() };
        let may_read = entry.Mask & (FILE_READ_DATA | GENERIC_READ | GENERIC_ALL) != 0;
        let group = from_ref(&entry.SidStart).cast_mut().cast();
        // SAFETY: the group is whole.
        let is_large =
            |kind: &WELL_KNOWN_SID_TYPE| unsafe { IsWellKnownSid(group, *kind) } != FALSE;
        if may_read && LARGE_GROUPS.iter().any(is_large) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::os::windows::ffi::OsStrExt;
    use std::path::Path;

    use windows_sys::Win32::Security::Authorization::{
        ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
    };
    use windows_sys::Win32::Security::{GetSecurityDescriptorDacl, SetFileSecurityW};

    use super::*;

    const OWN: &str = "D:P(A;;FA;;;SY)(A;;FA;;;BA)";

    /// Returns a list in Microsoft's notation (SDDL), with its descriptor, which the tests leave allocated.
    fn parsed(list: &str) -> (*mut c_void, *mut ACL) {
        let list: Vec<u16> = list.encode_utf16().chain([0]).collect();
        let (mut descriptor, mut parsed) = (null_mut(), null_mut());
        let (mut is_there, mut is_default) = (FALSE, FALSE);
        // SAFETY: the text ends in NUL, and the descriptor stays.
        unsafe {
            let done = ConvertStringSecurityDescriptorToSecurityDescriptorW(
                list.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                null_mut(),
            );
            assert_ne!(done, FALSE);
            let (is_there, is_default) = (&raw mut is_there, &raw mut is_default);
            let done = GetSecurityDescriptorDacl(descriptor, is_there, &raw mut parsed, is_default);
            assert_ne!(done, FALSE);
        }
        (descriptor, parsed)
    }

    #[test]
    fn list_is_open_if_a_large_group_may_read() {
        // SAFETY: the list is whole.
        let is_open = |list: &str| unsafe { opens(&*parsed(list).1) };
        assert!(!is_open(OWN));
        assert!(!is_open(&format!("{OWN}(A;;FW;;;WD)(D;;FR;;;BU)")));
        for group in ["WD", "BU", "AU", "AN"] {
            assert!(is_open(&format!("{OWN}(A;;FR;;;{group})")), "{group}");
        }
    }

    #[test]
    fn file_is_as_open_as_its_list() {
        let folder = tempfile::tempdir().unwrap();
        let is_open = |name: &str, list: &str| {
            let path = folder.path().join(name);
            let file = File::create(&path).unwrap();
            give(&path, list);
            is_open_to_others(&file)
        };
        assert!(!is_open("own", OWN));
        assert!(is_open("everyone", &format!("{OWN}(A;;FR;;;WD)")));
    }

    fn give(path: &Path, list: &str) {
        let path: Vec<u16> = path.as_os_str().encode_wide().chain([0]).collect();
        // SAFETY: the path ends in NUL.
        let given =
            unsafe { SetFileSecurityW(path.as_ptr(), DACL_SECURITY_INFORMATION, parsed(list).0) };
        assert_ne!(given, FALSE);
    }
}
