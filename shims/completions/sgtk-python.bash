# bash completion for sgtk-python. The lines of the options come from src/cli.rs.

# Says what an option takes: sets kind, and words for a value after '='. Fails if it is no option of the launcher.
_sgtk_python_option() {
  kind=none words=()
  case $1 in
@OPTIONS@
    *) return 1 ;;
  esac
}

# Prints what the launcher lists; nothing if it fails, or takes longer than two seconds.
_sgtk_python_list() {
  local limit=() program
  if type -P timeout >/dev/null; then limit=(timeout 2); fi
  program=$(type -P -- "${COMP_WORDS[0]/#\~\//$HOME/}") || program=sgtk-python
  SGTK_PROJECT=${project-${SGTK_PROJECT-}} SGTK_PROJECT_ID=${id-${SGTK_PROJECT_ID-}} SGTK_CONFIG=${config-${SGTK_CONFIG-}} \
    command "${limit[@]}" "$program" "--list=$1" </dev/null 2>/dev/null
}

# Sets plain: a word without its quotes. Nothing in it is evaluated.
_sgtk_python_unquote() {
  local rest=$1
  plain=
  case $rest in
    \'*) rest=${rest#\'} plain=${rest%\'} ;;
    *)
      case $rest in \"*) rest=${rest#\"} rest=${rest%\"} ;; esac
      while [[ $rest == *\\* ]]; do
        plain+=${rest%%\\*} rest=${rest#*\\}
        plain+=${rest:0:1} rest=${rest:1}
      done
      plain+=$rest
      ;;
  esac
}

# Offers the lines of the input that begin with the value, quoted as the value is. A line ends at its tab.
_sgtk_python_offer() {
  local line word plain single="'\\''" begun=${value%"$current"}
  _sgtk_python_unquote "$value"
  while IFS= read -r line; do
    line=${line%%$'\t'*}
    if [[ -z $line || ${line:0:${#plain}} != "$plain" ]]; then continue; fi
    case $value in
      \'*) word=${line//\'/$single} ;;
      \"*)
        # Between these quotes nothing protects a '!' from the history.
        if [[ $line == *'!'* ]]; then continue; fi
        word=${line//\\/\\\\} word=${word//\"/\\\"} word=${word//\$/\\\$} word=${word//\`/\\\`}
        ;;
      *) printf -v word %q "$line" && word=${word#"$begun"} ;;
    esac
    COMPREPLY+=("$word")
  done
}

# Joins again what bash splits at '=' and ':'. Sets typed: the words up to the cursor.
_sgtk_python_words() {
  local line=${COMP_LINE:0:COMP_POINT} word at
  typed=()
  for ((at = 0; at <= COMP_CWORD; at++)); do
    word=${COMP_WORDS[at]}
    if [[ $at -gt 0 && -n $line && $line != [[:space:]]* ]]; then
      typed[${#typed[@]} - 1]+=${word:0:${#line}}
    else
      line=${line#"${line%%[![:space:]]*}"}
      typed+=("${word:0:${#line}}")
    fi
    line=${line:${#word}}
  done
}

_sgtk_python() {
  local current=$2 value kind words plain typed at word option project id config
  COMPREPLY=()
  _sgtk_python_words
  value=${typed[${#typed[@]} - 1]}

  # The words before decide: an option of the launcher, its value, or a word of Python's.
  option=
  for ((at = 1; at < ${#typed[@]} - 1; at++)); do
    word=${typed[at]}
    if [[ -z $option ]]; then
      option=${word%%=*}
      if ! _sgtk_python_option "$option"; then
        compopt -o default 2>/dev/null
        return
      fi
      if [[ $word == *=* ]]; then
        word=${word#*=}
      elif [[ $kind == none || $kind == attached ]]; then
        option='' word=''
      else
        continue
      fi
    fi
    _sgtk_python_unquote "$word"
    case $option in
      --project) project=$plain id='' config='' ;;
      --project-id) project='' id=$plain config='' ;;
      --config) project='' id='' config=$plain ;;
    esac
    option=
  done

  if [[ -z $option && $value == --*=* ]]; then
    option=${value%%=*} value=${value#*=}
    if [[ $current == = ]]; then current=; fi
    if [[ $current == "$option="* ]]; then current=$value; fi
    _sgtk_python_option "$option" || return
  elif [[ -z $option ]]; then
    case $value in
      -*) _sgtk_python_offer < <(printf '%s\n' @NAMES@) ;;
      *) compopt -o default 2>/dev/null ;;
    esac
    return
  else
    _sgtk_python_option "$option"
  fi
  case $kind in
    attached) _sgtk_python_offer < <(printf '%s\n' "${words[@]}") ;;
    names | ids | configs) _sgtk_python_offer < <(_sgtk_python_list "$kind") ;;
    variables) _sgtk_python_offer < <(compgen -e) ;;
    folders) compopt -o dirnames 2>/dev/null ;;
    files | commands) compopt -o default 2>/dev/null ;;
  esac
}

# bash 3 cannot choose files for some words alone.
if type compopt >/dev/null 2>&1; then
  complete -F _sgtk_python sgtk-python
else
  complete -o default -F _sgtk_python sgtk-python
fi
