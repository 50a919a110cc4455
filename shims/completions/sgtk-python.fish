# fish completion for sgtk-python. The lines of the options come from src/cli.rs.

# Succeeds if the words before the cursor are options of the launcher and their values. With an argument prints
# the value of that option.
function __sgtk_python_at_options
    set -l words (commandline -opc)
    set -l option
    for word in $words[2..-1]
        if set -q option[1]
            test "$option" = "$argv"; and printf '%s\n' $word
            set option
        else if contains -- $word @TAKING@
            set option $word
        else if contains -- (string replace -r '=.*' '' -- $word) @NAMES@
            string match -q -- "$argv=*" $word; and string replace -r '^[^=]*=' '' -- $word
        else
            return 1
        end
    end
    return 0
end

# Prints what the launcher lists; nothing if it fails, or takes longer than two seconds.
function __sgtk_python_list
    set -l words (commandline -opc)
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    set -l limit
    command -sq timeout; and set limit timeout 2
    set -lx SGTK_PROJECT $SGTK_PROJECT
    set -lx SGTK_PROJECT_ID $SGTK_PROJECT_ID
    set -lx SGTK_CONFIG $SGTK_CONFIG
    set -l project (__sgtk_python_at_options --project)
    set -l id (__sgtk_python_at_options --project-id)
    set -l config (__sgtk_python_at_options --config)
    if set -q project[1]; or set -q id[1]; or set -q config[1]
        set SGTK_PROJECT $project
        set SGTK_PROJECT_ID $id
        set SGTK_CONFIG $config
    end
    command $limit $program --list=$argv[1] </dev/null 2>/dev/null
end

@OPTIONS@
