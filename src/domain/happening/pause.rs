//! Why a lane rests.

use super::Words;

kinds! {
    /// Why nothing is sent for a while.
    Pause {
        ByPerson { who: String }
            "paused by {who}"
            "остановлено: {who}"
        ByFault { words: Words }
            "{words}"
            "{words}"
    }
}
