# PowerShell completion for sgtk-python. The lines of the options come from src/cli.rs.

Register-ArgumentCompleter -Native -CommandName sgtk-python, sgtk-python.exe -ScriptBlock {
    param($typed, $command, $cursor)

    $options = @(
@OPTIONS@
    )
    $find = { param($name) $options | Where-Object { $_.Name -ceq $name } }

    # Reads a word without its quotes. Nothing in it is evaluated.
    $read = {
        param($element)
        if ($element -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $element.Value }
        else { $element.Extent.Text }
    }

    # The words before decide: an option of the launcher, its value, or a word of Python's.
    $option = $null
    $variables = @{}
    $chosen = @{ '--project' = 'SGTK_PROJECT'; '--project-id' = 'SGTK_PROJECT_ID'; '--config' = 'SGTK_CONFIG' }
    foreach ($element in $command.CommandElements | Select-Object -Skip 1) {
        if ($element.Extent.EndOffset -ge $cursor) { break }
        $word = & $read $element
        if ($option) {
            $name, $value, $option = $option.Name, $word, $null
        } else {
            $name, $value = $word -split '=', 2
            $found = & $find $name
            if (-not $found) { return }
            if ($null -eq $value -and $found.Kind -notin 'none', 'attached') { $option = $found; continue }
        }
        if ($chosen[$name]) { $variables[$chosen[$name]] = $value }
    }

    $before = ''
    if (-not $option -and $typed -match '^(--[a-z-]+)=') {
        $option = & $find $Matches[1]
        $before = $Matches[0]
    } elseif (-not $option) {
        if ($typed -notlike '-*') { return }
        foreach ($one in $options | Where-Object { $_.Name.StartsWith($typed) }) {
            [System.Management.Automation.CompletionResult]::new($one.Name, $one.Name, 'ParameterName', $one.Help)
        }
        return
    }
    if (-not $option) { return }

    $lines = switch ($option.Kind) {
        'attached' { $option.Words }
        'variables' { Get-ChildItem Env: | ForEach-Object Name }
        { $_ -in 'names', 'ids', 'configs' } {
            # Lists nothing if the launcher fails, or takes longer than two seconds.
            try {
                $start = [System.Diagnostics.ProcessStartInfo]::new()
                $name = & $read $command.CommandElements[0]
                $program = Get-Command -Name $name -CommandType Application -ErrorAction Ignore | Select-Object -First 1
                $start.FileName = if ($program) { $program.Source } else { 'sgtk-python' }
                $start.Arguments = "--list=$_"
                $start.UseShellExecute = $false
                $start.RedirectStandardInput = $start.RedirectStandardOutput = $start.RedirectStandardError = $true
                $start.StandardOutputEncoding = [System.Text.Encoding]::UTF8
                if ($variables.Count) {
                    foreach ($variable in $chosen.Values) { $start.EnvironmentVariables[$variable] = [string]$variables[$variable] }
                }
                $process = [System.Diagnostics.Process]::Start($start)
                $process.StandardInput.Close()
                $null = $process.StandardError.ReadToEndAsync()
                $text = $process.StandardOutput.ReadToEndAsync()
                if ($text.Wait(2000)) { $text.Result -split "`r?`n" -ne '' } else { $process.Kill() }
            } catch { }
        }
    }
    $value = $typed.Substring($before.Length).Trim("'", '"')
    foreach ($line in $lines) {
        $word, $name = $line -split "`t", 2
        if (-not $word.StartsWith($value, [System.StringComparison]::Ordinal)) { continue }
        # PowerShell takes typographic quotes for single quotes.
        $quoted = if ($word -match '^[\w./-]+$') { $word }
        else { "'" + [System.Management.Automation.Language.CodeGeneration]::EscapeSingleQuotedStringContent($word) + "'" }
        $help = if ($name) { "$word  $name" } else { $word }
        [System.Management.Automation.CompletionResult]::new("$before$quoted", $word, 'ParameterValue', $help)
    }
}
